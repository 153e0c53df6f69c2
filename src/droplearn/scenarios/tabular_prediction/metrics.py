"""Metrics of classification and regression, and which of them are better when smaller."""

from __future__ import annotations

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.learning.metrics import confusion_matrix, log_loss, per_label
from droplearn.scenarios.tabular_prediction.spec import LOWER_IS_BETTER


def roc_auc(y: Integers, probabilities: Floats) -> float:
    """Two labels: the chance that a positive row scores above a negative one (ties count half). More: the mean over the labels that
    occur, each against the rest. 0.5 where only one label occurs.
    """
    if probabilities.shape[1] == 2:
        return binary_roc_auc(y == 1, probabilities[:, 1])
    found = [binary_roc_auc(y == k, probabilities[:, k]) for k in range(probabilities.shape[1]) if 0 < (y == k).sum() < len(y)]
    return float(np.mean(found)) if found else 0.5


def binary_roc_auc(is_positive: Integers, scores: Floats) -> float:
    """Source: Mann and Whitney, "On a test of whether one of two random variables is stochastically larger", 1947."""
    positives = int(is_positive.sum())
    negatives = len(is_positive) - positives
    if not positives or not negatives:
        return 0.5
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[is_positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def classification_scores(y: Integers, probabilities: Floats, predicted: Integers) -> dict[str, float]:
    """roc_auc, log_loss, accuracy, macro_f1. predicted: (N,) the answered labels."""
    labels = per_label(confusion_matrix(y, predicted, probabilities.shape[1]))
    return {
        "roc_auc": roc_auc(y, probabilities),
        "log_loss": log_loss(y, probabilities),
        "accuracy": float((predicted == y).mean()),
        "macro_f1": float(labels.f1[labels.support > 0].mean()),
    }


def regression_scores(y: Floats, predicted: Floats) -> dict[str, float]:
    """rmse, mae, r2; both (N,)."""
    errors = predicted - y
    spread = float(((y - y.mean()) ** 2).sum())
    return {
        "rmse": float(np.sqrt((errors**2).mean())),
        "mae": float(np.abs(errors).mean()),
        "r2": 1 - float((errors**2).sum()) / spread if spread else 0.0,
    }


def is_lower_better(metric: str) -> bool:
    """log_loss, rmse and mae."""
    return metric in LOWER_IS_BETTER


def is_better(metric: str, new: float, old: float) -> bool:
    """Strictly."""
    return new < old if is_lower_better(metric) else new > old
