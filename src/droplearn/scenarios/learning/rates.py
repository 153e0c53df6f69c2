"""How fast a network learns over its training, and how far back the average of its weights looks."""

from __future__ import annotations

import math


def warmup_cosine(step: int, fraction: float, warmup_steps: int, last: float = 0.0) -> float:
    """Of the learning rate: linear warm-up, then cosine down to `last`. fraction: of the training, by steps or by time, whichever is
    further.
    """
    warm = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    return warm * (last + (1 - last) * 0.5 * (1 + math.cos(math.pi * min(1.0, fraction))))


def average_decay(steps: int) -> float:
    """Of the moving average of the weights: it looks back over a tenth of the training."""
    return min(0.999, max(0.8, 1 - 10 / max(steps, 1)))
