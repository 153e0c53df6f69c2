"""Parts of an evaluation report about labels, as the contract has them."""

from __future__ import annotations

from collections.abc import Sequence

from droplearn.contracts.evaluation import CalibrationBin, LabelReport
from droplearn.scenarios.learning import metrics
from droplearn.scenarios.learning.arrays import Integers


def label_reports(labels: Sequence[str], confusion: Integers) -> list[LabelReport]:
    """confusion: (K, K), true by predicted."""
    scores = metrics.per_label(confusion)
    return [
        LabelReport(
            label=label,
            support=int(scores.support[i]),
            predicted=int(scores.predicted[i]),
            precision=round(float(scores.precision[i]), 6),
            recall=round(float(scores.recall[i]), 6),
            f1=round(float(scores.f1[i]), 6),
        )
        for i, label in enumerate(labels)
    ]


def calibration_report(bins: Sequence[metrics.Bin]) -> list[CalibrationBin]:
    """Of the bins that hold an answer."""
    return [CalibrationBin(low=b.low, high=b.high, count=b.count, mean_confidence=b.mean_confidence, accuracy=b.accuracy) for b in bins]
