"""Precision and recall at every threshold, as counts: small enough to keep, exact at every multiple of the resolution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from droplearn.contracts.evaluation import EvaluationCurves, LabelCurve
from droplearn.scenarios.learning.arrays import Bools, Floats, Integers

FINE, COARSE = 0.0001, 0.005
_MOST_POINTS = 100_000
"""Of all labels together in one file, some 3 MB; more labels than that allows get the coarse resolution."""


def curves_of_classifier(evaluation_id: str, labels: Sequence[str], y: Integers, probabilities: Floats) -> EvaluationCurves:
    """Each label against the rest. y: (N,), probabilities: (N, K)."""
    resolution = FINE if min(len(y), round(1 / FINE)) * len(labels) <= _MOST_POINTS else COARSE
    curves = [curve(label, probabilities[:, k], y == k, int((y == k).sum()), resolution) for k, label in enumerate(labels)]
    is_true = np.zeros(probabilities.shape, dtype=bool)
    is_true[np.arange(len(y)), y] = True
    return gather(evaluation_id, resolution, curves, average_precision(probabilities.reshape(-1), is_true.reshape(-1), len(y)))


def gather(evaluation_id: str, resolution: float, curves: Sequence[LabelCurve], micro: float | None) -> EvaluationCurves:
    """The macro average is over labels that occur."""
    known = [c.average_precision for c in curves if c.average_precision is not None]
    macro = round(float(np.mean(known)), 6) if known else None
    return EvaluationCurves(
        evaluation_id=evaluation_id,
        resolution=resolution,
        micro_average_precision=micro,
        macro_average_precision=macro,
        labels=list(curves),
    )


def curve(label: str, scores: Floats, is_true: Bools, positive_count: int, resolution: float = FINE) -> LabelCurve:
    """scores, is_true: (N,) of all answers; positives that nobody answered count in `positive_count` only."""
    steps = np.floor(scores / resolution + 1e-6).astype(np.int64)
    values, where = np.unique(steps, return_inverse=True)
    hits = np.bincount(where, weights=is_true, minlength=len(values))[::-1].cumsum().astype(int)
    all_ = np.bincount(where, minlength=len(values))[::-1].cumsum().astype(int)
    return LabelCurve(
        label=label,
        positive_count=positive_count,
        average_precision=average_precision(scores, is_true, positive_count),
        thresholds=[round(float(v), 6) for v in values[::-1] * resolution],
        true_positives=hits.tolist(),
        false_positives=(all_ - hits).tolist(),
    )


def average_precision(scores: Floats, is_true: Bools, positive_count: int) -> float | None:
    """Sum of precision times gain in recall over the distinct scores, best first; None without positives.

    Source: Zhu 2004, "Recall, precision and average precision"; the form without interpolation.
    """
    if positive_count == 0:
        return None
    order = np.argsort(-scores, kind="stable")
    hits = is_true[order].cumsum()
    last_of_equals = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True)) if len(order) else np.array([], dtype=np.int64)
    precision = hits[last_of_equals] / (last_of_equals + 1)
    gained = np.diff(hits[last_of_equals], prepend=0) / positive_count
    return round(float((precision * gained).sum()), 6)
