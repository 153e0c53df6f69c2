"""What is to be learnt, as members and selection see it: labels, or a scaled number, and the metric that decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.learning.metrics import log_loss
from droplearn.scenarios.tabular_prediction.metrics import classification_scores, regression_scores, roc_auc
from droplearn.scenarios.tabular_prediction.training.target import Target

_TIE_BREAK = 1e-3
"""Weight of the log loss beside a metric that many mixtures share."""


@dataclass(frozen=True)
class Problem:
    """`y`: (N,) label indices, or the target scaled to mean 0 and deviation 1. label_count: 0 for a regression."""

    y: Integers | Floats
    label_count: int
    metric: str
    offset: float = 0.0
    scale: float = 1.0

    @property
    def is_classification(self) -> bool:
        """Else a regression."""
        return self.label_count > 0

    @property
    def width(self) -> int:
        """Columns of a prediction."""
        return self.label_count or 1

    def constant_answer(self) -> Floats:
        """(K,) the labels' shares, or (1,) the mean: what is right without knowing anything."""
        if not self.is_classification:
            return np.zeros(1)
        counts = np.bincount(self.y.astype(np.int64), minlength=self.label_count)
        shares: Floats = counts / counts.sum()
        return shares

    def loss(self, predictions: Floats, rows: Integers | slice = slice(None)) -> float:
        """What selection makes small. predictions: (n, K) probabilities or (n, 1) scaled values of these rows."""
        y = self.y[rows]
        if not self.is_classification:
            errors = predictions[:, 0] - y
            return float(np.abs(errors).mean() if self.metric == "mae" else np.sqrt((errors**2).mean()))
        labels = y.astype(np.int64)
        nats = log_loss(labels, predictions)
        if self.metric == "log_loss":
            return nats
        if self.metric == "roc_auc":
            return -roc_auc(labels, predictions) + _TIE_BREAK * nats
        scores = classification_scores(labels, predictions, predictions.argmax(axis=1))
        return -scores[self.metric] + 0.1 * nats

    def scores(self, predictions: Floats, rows: Integers | slice = slice(None)) -> Mapping[str, float]:
        """Metrics, in the target's unit."""
        y = self.y[rows]
        if self.is_classification:
            return classification_scores(y.astype(np.int64), predictions, predictions.argmax(axis=1))
        return regression_scores(self.offset + self.scale * y, self.offset + self.scale * predictions[:, 0])


def make_problem(target: Target, metric: str) -> Problem:
    """metric: auto, or one that fits the target."""
    if target.is_classification:
        default = "roc_auc" if len(target.labels) == 2 else "log_loss"
        return Problem(target.y, len(target.labels), default if metric == "auto" else metric)
    offset, scale = float(target.y.mean()), float(target.y.std()) or 1.0
    return Problem((target.y - offset) / scale, 0, "rmse" if metric == "auto" else metric, offset, scale)
