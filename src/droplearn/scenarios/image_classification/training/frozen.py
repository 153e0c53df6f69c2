"""The first model: a logistic regression on the frozen network's features. Seconds, no torch; the way for small datasets to the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from droplearn.scenarios.learning.arrays import Floats, Integers, softmax
from droplearn.scenarios.learning.folds import make_folds, sample_by_label
from droplearn.scenarios.learning.labelled_examples import LearningSet
from droplearn.scenarios.learning.logistic_regression import LinearHead, Standardised, cross_validate, fit_rows
from droplearn.scenarios.learning.metrics import classification_metrics

MAX_CROSS_VALIDATED, MAX_LOGITS = 6000, 200_000
"""More examples, or more examples times labels, than this are sampled to choose the strength; the head is fitted on all of them."""


@dataclass(frozen=True)
class FrozenModel:
    """`head` is fitted on every example but the test split's. `held_out`: indices of examples with `probabilities`, each made without
    the example.
    """

    head: LinearHead
    strength: float
    temperature: float
    held_out: Integers
    probabilities: Floats
    metrics: dict[str, float]
    train_loss: float


def fit_frozen(data: LearningSet, features: Floats, seed: int, check: Callable[[], None]) -> FrozenModel:
    """features: (N, D) of all examples. Strength, temperature and metrics come from cross-validation."""
    y, label_count = data.y, len(data.labels)
    known = data.indices("train", "validation")
    sampled = sample_by_label(known, y, cross_validated_count(label_count), seed)
    standardised = Standardised.of(features[sampled])
    folds = make_folds(y[sampled], [data.examples[i].etag for i in sampled], seed)
    chosen = cross_validate(standardised, y[sampled], label_count, folds, check)
    probabilities = softmax(chosen.logits / chosen.temperature)
    if len(known) > len(sampled):
        standardised = Standardised.of(features[known])
    head = standardised.head(fit_rows(standardised.rows, y[known], label_count, chosen.strength, check))
    metrics = classification_metrics(y[sampled], probabilities)
    return FrozenModel(head, chosen.strength, chosen.temperature, sampled, probabilities, metrics, head.log_loss(features[known], y[known]))


def fit_head(data: LearningSet, features: Floats, indices: Integers, strength: float, check: Callable[[], None]) -> LinearHead:
    """A head that has seen these examples only."""
    standardised = Standardised.of(features[indices])
    return standardised.head(fit_rows(standardised.rows, data.y[indices], len(data.labels), strength, check))


def cross_validated_count(label_count: int) -> int:
    """Examples that a cross-validation takes at most."""
    return min(MAX_CROSS_VALIDATED, max(1000, MAX_LOGITS // label_count))
