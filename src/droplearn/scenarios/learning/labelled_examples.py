"""Which examples a training learns from: the selected labels, joined with the base model's examples when it continues from one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from droplearn.contracts.dataset import DatasetVersion, Split
from droplearn.scenarios.learning.arrays import Integers
from droplearn.scenarios.learning.context import ExampleSource, TrainingContext


@dataclass(frozen=True)
class LearningExample:
    """A labelled picture or sound and where its bytes are. `is_old`: it is among those that the base model was made from."""

    path: str
    label: str
    split: Split
    etag: str
    source: ExampleSource
    is_old: bool = False

    def read(self) -> bytes:
        """Raises FileNotFoundError."""
        return self.source.read(self.path)


@dataclass(frozen=True)
class LearningSet:
    """Usable examples in a fixed order, and the labels in the order of the model's outputs."""

    examples: tuple[LearningExample, ...]
    labels: tuple[str, ...]

    @property
    def y(self) -> Integers:
        """(N,) index of each example's label."""
        index = {label: i for i, label in enumerate(self.labels)}
        return np.array([index[e.label] for e in self.examples], dtype=np.int64)

    def indices(self, *splits: Split) -> Integers:
        """Of the examples of these splits."""
        return np.array([i for i, e in enumerate(self.examples) if e.split in splits], dtype=np.int64)


def gather(context: TrainingContext) -> list[LearningExample]:
    """All that may be learnt from, by path; the base model's first. A content that occurs in both is taken once, under its new label."""
    chosen = set(context.request.settings.labels or [])
    new = [e for e in _labelled(context.source, is_old=False) if not chosen or e.label in chosen]
    if context.base is None or context.base.source is None:
        return new
    old = {(e.etag, e.label): e for e in _labelled(context.base.source, is_old=True)}
    relabelled = {e.etag for e in new}
    kept = [e for e in old.values() if e.etag not in relabelled]
    return kept + [_as_before(e, old.get((e.etag, e.label))) for e in new]


def learning_set(
    examples: Sequence[LearningExample], context: TrainingContext, check: Callable[[DatasetVersion], list[str]]
) -> tuple[LearningSet, list[str]]:
    """Of the usable examples, with the warnings of `check`, the scenario's rules. Raises InvalidDataset when they do not hold."""
    counts = Counter(e.label for e in examples if e.split != "test")
    wanted = context.request.settings.labels or context.source.version.labels
    complete = {label: counts.get(label, 0) for label in sorted(set(counts) | set(wanted))}
    present = {label: n for label, n in complete.items() if n}
    warnings = check(context.source.version.model_copy(update={"label_counts": complete if len(present) > 1 else present}))
    return LearningSet(tuple(examples), tuple(complete)), warnings


def _labelled(source: ExampleSource, *, is_old: bool) -> list[LearningExample]:
    return [LearningExample(e.path, e.label, e.split, e.etag, source, is_old) for e in source.examples if e.label is not None]


def _as_before(example: LearningExample, before: LearningExample | None) -> LearningExample:
    """An example that was held out stays held out: the base model must be measured on what it has not learnt from."""
    if before is None:
        return example
    return replace(example, is_old=True, split=before.split if example.split == "train" else example.split)
