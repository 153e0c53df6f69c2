"""What fine-tuning teaches for an example: its label, smoothed; or half its label, half what a teacher thinks of it."""

from __future__ import annotations

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers

LABEL_SMOOTHING, TEACHER_SHARE = 0.1, 0.5


def targets_of(y: Integers, label_count: int, taught: Floats | None) -> Floats:
    """(B, K) from labels (B,) and, where there is a teacher, what it says: (B, K)."""
    hot = np.eye(label_count, dtype=np.float32)[y]
    if taught is None:
        return (1 - LABEL_SMOOTHING) * hot + np.float32(LABEL_SMOOTHING / label_count)
    mixed: Floats = (1 - TEACHER_SHARE) * hot + TEACHER_SHARE * taught
    return mixed


def label_prior(y: Integers, label_count: int) -> Floats:
    """(K,) the share of each label; one that does not occur counts as half an example."""
    counts = np.bincount(y, minlength=label_count)
    prior: Floats = np.maximum(counts, 0.5) / counts.sum()
    return prior
