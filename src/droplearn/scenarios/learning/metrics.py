"""Metrics of single-label classification. y: (N,) true labels; probabilities: (N, K). All in [0, 1] but the log loss (nats).

Conventions: a ratio whose denominator is 0 counts as 0; macro averages run over the labels that occur (in truth); a tie goes to the lower
index.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers

CALIBRATION_BINS = 15
_SMALLEST_PROBABILITY = 1e-12


@dataclass(frozen=True)
class PerLabel:
    """(K,) arrays."""

    support: Integers
    predicted: Integers
    precision: Floats
    recall: Floats
    f1: Floats


@dataclass(frozen=True)
class Bin:
    """Predictions whose confidence lies in (low, high]."""

    low: float
    high: float
    count: int
    mean_confidence: float
    accuracy: float


def confusion_matrix(y: Integers, predicted: Integers, label_count: int) -> Integers:
    """(K, K): row true, column predicted."""
    counts: Integers = np.bincount(y * label_count + predicted, minlength=label_count**2).reshape(label_count, label_count)
    return counts


def per_label(confusion: Integers) -> PerLabel:
    """Precision, recall and F1 = 2PR / (P + R) of each label against the rest."""
    right = confusion.diagonal().astype(float)
    support, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    return PerLabel(support, predicted, _ratio(right, predicted), _ratio(right, support), _ratio(2 * right, support + predicted))


def top_k_accuracy(y: Integers, probabilities: Floats, k: int) -> float:
    """The share of examples whose true label is among the k most probable (all of them, where there are fewer)."""
    k = min(k, probabilities.shape[1])
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    return float((best == y[:, None]).any(axis=1).mean())


def log_loss(y: Integers, probabilities: Floats) -> float:
    """Mean of -log(probability of the true label)."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(y)), y], _SMALLEST_PROBABILITY)).mean())


def calibration_bins(y: Integers, probabilities: Floats, count: int = CALIBRATION_BINS) -> list[Bin]:
    """Equal widths over (0, 1], the empty ones left out."""
    confidence, is_right = probabilities.max(axis=1).astype(float), probabilities.argmax(axis=1) == y
    edges = np.linspace(0, 1, count + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, count - 1)
    return [
        Bin(float(edges[b]), float(edges[b + 1]), int(inside.sum()), float(confidence[inside].mean()), float(is_right[inside].mean()))
        for b in range(count)
        if (inside := place == b).any()
    ]


def expected_calibration_error(bins: list[Bin]) -> float:
    """Source: Naeini et al., "Obtaining Well Calibrated Probabilities Using Bayesian Binning", 2015, equation 2 (confidence of the top
    label).
    """
    total = sum(b.count for b in bins)
    return sum(b.count / total * abs(b.accuracy - b.mean_confidence) for b in bins)


def classification_metrics(y: Integers, probabilities: Floats) -> dict[str, float]:
    """The scenario's metrics, at least one example."""
    labels = per_label(confusion_matrix(y, probabilities.argmax(axis=1), probabilities.shape[1]))
    occurs = labels.support > 0
    return {
        "top1_accuracy": top_k_accuracy(y, probabilities, 1),
        "top5_accuracy": top_k_accuracy(y, probabilities, 5),
        "macro_precision": float(labels.precision[occurs].mean()),
        "macro_recall": float(labels.recall[occurs].mean()),
        "macro_f1": float(labels.f1[occurs].mean()),
        "log_loss": log_loss(y, probabilities),
        "expected_calibration_error": expected_calibration_error(calibration_bins(y, probabilities)),
    }


def _ratio(part: Floats, whole: Integers | Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
