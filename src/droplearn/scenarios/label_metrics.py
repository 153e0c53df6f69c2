"""What a model that chooses one of several labels is measured by, in the order in which it is shown."""

from __future__ import annotations

LABEL_METRICS = (
    "top1_accuracy",
    "top5_accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "log_loss",
    "expected_calibration_error",
)
