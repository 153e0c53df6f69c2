"""Weights of labels that make macro F1 large where labels are unbalanced: the most probable label is seldom a rare one."""

from __future__ import annotations

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.tabular_prediction.metrics import classification_scores

FACTORS = (0.5, 0.7, 0.85, 1.2, 1.4, 2.0)
MAX_LABELS, SWEEPS = 50, 3


def fit_label_weights(y: Integers, probabilities: Floats) -> list[float] | None:
    """One label after the other, as long as macro F1 on these held-out rows grows; None where nothing gains."""
    count = probabilities.shape[1]
    if count > MAX_LABELS:
        return None
    weights = np.ones(count)
    best = start = _macro_f1(y, probabilities)
    for _ in range(SWEEPS):
        before = best
        for label in range(count):
            for factor in FACTORS:
                tried = weights.copy()
                tried[label] *= factor
                found = _macro_f1(y, probabilities * tried)
                if found > best + 1e-4:
                    best, weights = found, tried
        if best == before:
            break
    return [round(float(weight), 6) for weight in weights] if best > start else None


def _macro_f1(y: Integers, weighted: Floats) -> float:
    return classification_scores(y, weighted / weighted.sum(axis=1, keepdims=True), weighted.argmax(axis=1))["macro_f1"]
