"""Which pictures a training learns from: the annotated ones that can be read, joined with the base model's when it continues from one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from droplearn.contracts.dataset import Split, VersionExample
from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.annotation_formats.annotations import Annotation
from droplearn.scenarios.learning import TrainingContext
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.object_detection.dataset import too_few
from droplearn.scenarios.object_detection.metrics import Truth
from droplearn.scenarios.object_detection.reading import AnnotationReader
from droplearn.scenarios.object_detection.spec import MIN_ANNOTATED, SPEC
from droplearn.scenarios.object_detection.training.drafts import HELD_OUT_FILE
from droplearn.scenarios.object_detection.truths import truth_of

MAX_LABELS = 1000
_DIFFICULT_IS_A_HABIT = 0.5
"""Where more of the objects than this are marked difficult, the mark says nothing."""


@dataclass(frozen=True)
class Candidate:
    """A picture with an annotation file, and where both are. `is_old`: it is among those that the base model was made from."""

    example: VersionExample
    reader: AnnotationReader
    is_old: bool = False


@dataclass(frozen=True)
class LearningPicture:
    """A readable picture. `annotation` is in pixels of `width` x `height`; `number` finds its pixels again."""

    number: int
    example: VersionExample
    is_old: bool
    width: int
    height: int
    annotation: Annotation

    @property
    def path(self) -> str:
        """Below the dataset."""
        return self.example.path

    @property
    def split(self) -> Split:
        """Which of the three it belongs to."""
        return self.example.split

    @property
    def names(self) -> set[str]:
        """Of the kinds of objects on it, the difficult ones left out."""
        return {item.name for item in self.annotation.objects if not item.is_difficult}


@dataclass(frozen=True)
class LearningSet:
    """Usable pictures in a fixed order, and the labels in the order of the model's outputs."""

    pictures: tuple[LearningPicture, ...]
    labels: tuple[str, ...]

    @cached_property
    def truths(self) -> list[Truth]:
        """Of each picture, objects of other labels left out."""
        index = {label: i for i, label in enumerate(self.labels)}
        return [truth_of(p.annotation, p.width, p.height, index) for p in self.pictures]

    def indices(self, *splits: Split) -> Integers:
        """Of the pictures of these splits."""
        return np.array([i for i, p in enumerate(self.pictures) if p.split in splits], dtype=np.int64)


def gather(context: TrainingContext) -> list[Candidate]:
    """All that may be learnt from; the base model's first. A content that occurs in both is taken once, with its new annotation."""
    new = _annotated(AnnotationReader(context.source), is_old=False)
    if context.base is None or context.base.source is None:
        return new
    old = {c.example.etag: c for c in _annotated(AnnotationReader(context.base.source), is_old=True)}
    held_out = held_out_paths(context)
    old = {etag: _held(c) if c.example.path in held_out else c for etag, c in old.items()}
    replaced = {c.example.etag for c in new}
    return [c for c in old.values() if c.example.etag not in replaced] + [_as_before(c, old.get(c.example.etag)) for c in new]


def held_out_paths(context: TrainingContext) -> set[str]:
    """Pictures that the base model was measured on: it must not be compared on others."""
    file = context.base.folder / HELD_OUT_FILE if context.base is not None else None
    if file is None or not file.exists():
        return set()
    return {json.loads(line)["path"] for line in file.read_text("utf-8").splitlines() if line}


def learning_set(pictures: Sequence[LearningPicture], context: TrainingContext) -> tuple[LearningSet, list[str]]:
    """Labels, splits and warnings. Raises InvalidDataset: `dataset.empty`, `dataset.too_few_examples`, `dataset.too_many_labels`."""
    pictures = without_habit(pictures)
    counts = Counter(name for p in pictures if p.split != "test" for name in p.names)
    chosen = context.source.version.selected_labels or context.request.settings.labels
    if chosen:
        counts = Counter({label: counts.get(label, 0) for label in chosen})
    labels = tuple(sorted(label for label, n in counts.items() if n))
    _check(labels, pictures, counts)
    data = LearningSet(tuple(_with_validation(pictures, set(labels), context)), labels)
    return data, _warnings(counts, data)


def _annotated(reader: AnnotationReader, *, is_old: bool) -> list[Candidate]:
    return [Candidate(e, reader, is_old) for e in reader.source.examples if (e.annotation or {}).get("file")]


def _held(candidate: Candidate) -> Candidate:
    return replace(candidate, example=candidate.example.model_copy(update={"split": "validation"}))


def _as_before(candidate: Candidate, before: Candidate | None) -> Candidate:
    """A picture that was held out stays held out: the base model must be measured on what it has not learnt from."""
    if before is None:
        return candidate
    was = before.example.split if candidate.example.split == "train" else candidate.example.split
    return replace(candidate, is_old=True, example=candidate.example.model_copy(update={"split": was}))


def without_habit(pictures: Sequence[LearningPicture]) -> list[LearningPicture]:
    """The marks `difficult` taken off where most objects bear one."""
    objects = [item for p in pictures for item in p.annotation.objects]
    if not objects or sum(item.is_difficult for item in objects) <= _DIFFICULT_IS_A_HABIT * len(objects):
        return list(pictures)
    plain = [tuple(replace(item, is_difficult=False) for item in p.annotation.objects) for p in pictures]
    return [replace(p, annotation=replace(p.annotation, objects=items)) for p, items in zip(pictures, plain, strict=True)]


def _check(labels: Sequence[str], pictures: Sequence[LearningPicture], counts: Mapping[str, int]) -> None:
    if not labels:
        raise InvalidDataset(
            "dataset.empty",
            f"No object {'of the chosen labels ' if counts else ''}is annotated on any readable picture.",
            hint="See the dataset's health report: it names what could not be read.",
        )
    if len(labels) > MAX_LABELS:
        raise InvalidDataset(
            "dataset.too_many_labels",
            f"The annotations hold {len(labels):,} different names; at most {MAX_LABELS:,} can be learnt.",
            hint="If <name> holds texts, this is a dataset for the scenario ocr.",
        )
    count = sum(bool(p.names & set(labels)) for p in pictures if p.split != "test")
    if count < MIN_ANNOTATED:
        raise too_few(count)


def _warnings(counts: Mapping[str, int], data: LearningSet) -> list[str]:
    wanted, told = SPEC.limits.recommended_examples_per_label, []
    if absent := [label for label, n in counts.items() if n == 0]:
        told.append(f"Nothing is annotated as: {', '.join(absent[:5])}.")
    sparse = [label for label in data.labels if counts[label] < wanted]
    if sparse:
        shown = ", ".join(f"{label} ({counts[label]})" for label in sparse[:5]) + (", ..." if len(sparse) > 5 else "")
        told.append(f"{len(sparse)} of {len(data.labels)} labels are on fewer than {wanted} pictures: {shown}")
    most, least = max(data.labels, key=counts.__getitem__), min(data.labels, key=counts.__getitem__)
    if counts[most] >= 5 * counts[least]:
        told.append(f"The labels are unbalanced: {counts[most]} pictures with {most}, {counts[least]} with {least}.")
    unknown = [label for label in data.labels if label.startswith("class_") and label[6:].isdigit()]
    if unknown:
        told.append(f"No name is given for {', '.join(unknown[:5])}: add classes.txt or data.yaml.")
    return told


def _with_validation(pictures: Sequence[LearningPicture], labels: set[str], context: TrainingContext) -> list[LearningPicture]:
    """Moves pictures from training to validation until the validation says something (see `split.py`)."""
    from droplearn.scenarios.object_detection.training.split import moved_to_validation

    kinds = [sorted(p.names & labels) for p in pictures]
    moved = moved_to_validation(
        kinds,
        [p.split for p in pictures],
        movable=[not p.is_old for p in pictures],
        share=context.request.settings.validation_fraction,
        seed=context.request.settings.seed,
    )
    return [replace(p, example=p.example.model_copy(update={"split": "validation"})) if i in moved else p for i, p in enumerate(pictures)]


def relative_sides(data: LearningSet) -> Floats:
    """(N,) square root of each object's area, as a part of its picture's long side."""
    found = []
    for truth in data.truths:
        size = np.array([truth.width, truth.height], np.float32)
        found.append(np.sqrt(((truth.boxes[:, 2:] - truth.boxes[:, :2]) * size).prod(axis=1)) / size.max())
    return np.concatenate(found)
