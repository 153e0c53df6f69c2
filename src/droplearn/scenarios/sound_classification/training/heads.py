"""Candidates that learn nothing but a last layer: a logistic regression on some of the frozen networks' features. Seconds, no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers, softmax
from droplearn.scenarios.learning.folds import make_folds, sample_by_label
from droplearn.scenarios.learning.labelled_examples import LearningSet
from droplearn.scenarios.learning.logistic_regression import LinearHead, Standardised, cross_validate, fit_rows
from droplearn.scenarios.learning.metrics import classification_metrics
from droplearn.scenarios.sound_classification.feature_graph import PARTS

CHOICES = {
    "spectrum": ("texture", "shape"),
    "spectrum_and_speech": ("texture", "speech"),
    "everything": PARTS,
    "picture": ("object",),
}
"""Candidate -> the parts of the features that it uses. The first one is saved at once."""
_STRENGTHS = (1e-3, 1e-2, 3e-2, 1e-1)
"""Weaker ones were never chosen for features of this kind."""
_MAX_WORK, _MAX_ROWS, _MIN_EXAMPLES = 200_000_000, 6000, 500
"""More rows x features x labels, or more rows, than this are sampled to choose the strength; the head is fitted on all of them."""


@dataclass(frozen=True)
class FittedHead:
    """`head` is fitted on every example but the test split's. `held_out`: indices of examples with `logits`, each made without the
    example.
    """

    name: str
    choice: str
    """Of CHOICES."""
    head: LinearHead
    strength: float
    temperature: float
    held_out: Integers
    logits: Floats
    metrics: dict[str, float]
    train_loss: float

    @property
    def parts(self) -> tuple[str, ...]:
        """Of the features."""
        return CHOICES[self.choice]

    @property
    def probabilities(self) -> Floats:
        """Of the examples held out."""
        return softmax(self.logits / self.temperature)


@dataclass(frozen=True)
class Rows:
    """Features (N, V, D) of all examples, in versions; a part's columns are found by its name."""

    features: Floats
    columns: dict[str, slice]

    @classmethod
    def of(cls, versions: Sequence[Floats], widths: dict[str, int]) -> Rows:
        """versions: (N, D) each, the plain one first. `widths`: of the parts in it, in their order."""
        ends = np.cumsum(list(widths.values()))
        return cls(
            np.stack(versions, axis=1), {part: slice(int(end) - widths[part], int(end)) for part, end in zip(widths, ends, strict=True)}
        )

    def of_parts(self, parts: tuple[str, ...], indices: Integers) -> Floats:
        """(n V, D'): all versions of an example one after the other."""
        chosen = np.concatenate([self.features[indices][:, :, self.columns[part]] for part in parts], axis=2)
        return chosen.reshape(-1, chosen.shape[2])

    @property
    def version_count(self) -> int:
        """V."""
        return int(self.features.shape[1])


def fit_candidate(choice: str, data: LearningSet, rows: Rows, seed: int, check: Callable[[], None]) -> FittedHead:
    """Strength, temperature and metrics come from cross-validation: versions of one example are never on both sides, and only the plain
    ones are scored.
    """
    y, label_count, known = data.y, len(data.labels), data.indices("train", "validation")
    sampled = sample_by_label(known, y, _sample_size(choice, rows, label_count), seed)
    standardised = Standardised.of(rows.of_parts(CHOICES[choice], sampled))
    folds = make_folds(y[sampled], [data.examples[i].etag for i in sampled], seed)
    pairs = [(_versions(kept, rows), held_out * rows.version_count) for kept, held_out in folds]
    repeated = np.repeat(y[sampled], rows.version_count)
    chosen = cross_validate(standardised, repeated, label_count, pairs, check, _STRENGTHS)
    if len(sampled) < len(known):
        standardised = Standardised.of(rows.of_parts(CHOICES[choice], known))
        repeated = np.repeat(y[known], rows.version_count)
    head = standardised.head(fit_rows(standardised.rows, repeated, label_count, chosen.strength, check))
    logits = chosen.logits[:: rows.version_count]
    metrics = classification_metrics(y[sampled], softmax(logits / chosen.temperature))
    train_loss = head.log_loss(rows.of_parts(CHOICES[choice], known)[:: rows.version_count], y[known])
    name = choice if rows.version_count == 1 else f"{choice}_in_{rows.version_count}_versions"
    return FittedHead(name, choice, head, chosen.strength, chosen.temperature, sampled, logits, metrics, train_loss)


def fit_on(choice: str, data: LearningSet, rows: Rows, indices: Integers, strength: float, check: Callable[[], None]) -> LinearHead:
    """A head that has seen these examples only."""
    standardised = Standardised.of(rows.of_parts(CHOICES[choice], indices))
    repeated = np.repeat(data.y[indices], rows.version_count)
    return standardised.head(fit_rows(standardised.rows, repeated, len(data.labels), strength, check))


def _sample_size(choice: str, rows: Rows, label_count: int) -> int:
    width = sum(rows.columns[part].stop - rows.columns[part].start for part in CHOICES[choice])
    return max(_MIN_EXAMPLES, min(_MAX_ROWS, _MAX_WORK // (width * label_count)) // rows.version_count)


def _versions(indices: Integers, rows: Rows) -> Integers:
    spread: Integers = (indices[:, None] * rows.version_count + np.arange(rows.version_count)).ravel()
    return spread
