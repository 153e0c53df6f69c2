"""Object by object, what a detector found and missed: rows of predictions.parquet, bad cases, and counts at every threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from droplearn.contracts.evaluation import BadCase, EvaluationCurves
from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.learning.curves import COARSE, FINE, average_precision, curve, gather
from droplearn.scenarios.object_detection.boxes import Detections, iou
from droplearn.scenarios.object_detection.metrics import MATCH_IOU, Truth, match, support
from droplearn.scenarios.object_detection.serving import DEFAULT_THRESHOLD

NOTHING = "(nothing)"
"""In a bad case: no object is there (`label`), or none was found (`predicted`)."""
_MOST_POINTS = 100_000


class Finding(NamedTuple):
    """`label`: of the true object, None where there is none; `predicted`: None where it was missed. `box`: parts of the sides."""

    path: str
    label: str | None
    predicted: str | None
    confidence: float | None
    iou: float | None
    box: Floats


@dataclass(frozen=True)
class Findings:
    """`found` and `missed` at any confidence; `bad_cases` at the default threshold."""

    labels: Sequence[str]
    counts: dict[str, int]
    """True objects of each label."""
    found: list[Finding]
    missed: list[Finding]
    bad_cases: list[BadCase]

    @classmethod
    def of(cls, labels: Sequence[str], paths: Sequence[str], truths: Sequence[Truth], detections: Sequence[Detections]) -> Findings:
        """Of all pictures."""
        found, missed, bad_cases = [], [], []
        for path, truth, detected in zip(paths, truths, detections, strict=True):
            matched = match(truth, detected, 0.0)
            for n in np.flatnonzero(matched.is_ignored == 0):
                box, score, name = detected.boxes[n], float(detected.scores[n]), labels[detected.labels[n]]
                place = matched.truth_of[n]
                true = labels[truth.labels[place]] if place >= 0 else None
                found.append(Finding(path, true, name, score, float(matched.iou_of[n]), box))
            missed += [Finding(path, labels[truth.labels[n]], None, None, None, truth.boxes[n]) for n in matched.missed]
            bad_cases += _bad_cases(labels, path, truth, detected)
        counts = dict(zip(labels, support(truths, len(labels)).tolist(), strict=True))
        return cls(labels, counts, found, missed, bad_cases)

    def columns(self) -> dict[str, Any]:
        """Of predictions.parquet. Empty columns have no type of their own, so each is given one."""
        import pyarrow

        rows = [*self.found, *self.missed]
        text, number = pyarrow.string(), pyarrow.float32()
        edges = {name: [float(row.box[i]) for row in rows] for i, name in enumerate(("left", "top", "right", "bottom"))}
        return {
            "path": pyarrow.array([row.path for row in rows], text),
            "label": pyarrow.array([row.label for row in rows], text),
            "predicted": pyarrow.array([row.predicted for row in rows], text),
            "confidence": pyarrow.array([row.confidence for row in rows], number),
            "correct": pyarrow.array([row.label is not None and row.label == row.predicted for row in rows], pyarrow.bool_()),
            "iou": pyarrow.array([row.iou for row in rows], number),
        } | {name: pyarrow.array(values, number) for name, values in edges.items()}

    def curves(self, evaluation_id: str) -> EvaluationCurves:
        """A detection is right when it matches a true object by IoU 0.5."""
        resolution = FINE if len(self.found) <= _MOST_POINTS else COARSE
        scores = np.array([row.confidence for row in self.found], float)
        is_true = np.array([row.label is not None for row in self.found], bool)
        names = np.array([row.predicted for row in self.found], dtype=object)
        of_labels = []
        for label in self.labels:
            own = names == label
            of_labels.append(curve(label, scores[own], is_true[own], self.counts[label], resolution))
        return gather(evaluation_id, resolution, of_labels, average_precision(scores, is_true, sum(self.counts.values())))


def _bad_cases(labels: Sequence[str], path: str, truth: Truth, detected: Detections) -> list[BadCase]:
    """Objects that were missed, taken for others, or found where nothing is."""
    matched = match(truth, detected, DEFAULT_THRESHOLD)
    size = np.array([truth.width, truth.height] * 2, np.float32)
    overlaps = iou(detected.boxes * size, truth.boxes * size)
    cases = [BadCase(path=path, label=labels[truth.labels[n]], predicted=NOTHING, confidence=0.0) for n in matched.missed]
    for n in np.flatnonzero((matched.truth_of < 0) & (matched.is_ignored == 0)):
        there = int(overlaps[n].argmax()) if len(truth.labels) and overlaps[n].max() >= MATCH_IOU else -1
        label = labels[truth.labels[there]] if there >= 0 else NOTHING
        name, score = labels[detected.labels[n]], round(min(float(detected.scores[n]), 1.0), 6)
        cases.append(BadCase(path=path, label=label, predicted=name, confidence=score))
    return cases
