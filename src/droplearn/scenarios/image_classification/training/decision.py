"""Whether fine-tuning is worth its time. Each "no" is a sentence that the model's manifest keeps."""

from __future__ import annotations

from dataclasses import dataclass

MIN_EXAMPLES = 100
"""Below, a tuned network beats the frozen one by less than the noise of its measurement."""
MIN_VALIDATION = 12
MIN_ERRORS = 6
"""Held-out mistakes of the frozen model: with fewer, a gain cannot be told from chance (a 95 % interval of 6 mistakes reaches down to
2).
"""
MIN_EPOCHS = 1.0
OVERHEAD_S = 12.0
"""Importing torch, decoding the first pictures, comparing the candidates."""


@dataclass(frozen=True)
class Situation:
    """What is known once the frozen model is saved. `epoch_s`: an estimate."""

    train_count: int
    validation_count: int
    frozen_errors: int
    frozen_count: int
    remaining_s: float
    epoch_s: float
    is_asked_for: bool
    """The user set a number of epochs."""


def reason_not_to_tune(now: Situation) -> str | None:
    """None: tune."""
    if now.validation_count == 0 or now.train_count < 2:
        return "not tried: no examples are left to validate with"
    if now.is_asked_for:
        return None
    if now.train_count + now.validation_count < MIN_EXAMPLES:
        return f"not tried: {now.train_count + now.validation_count} examples are too few to measure a gain (at least {MIN_EXAMPLES})"
    if now.validation_count < MIN_VALIDATION:
        return f"not tried: {now.validation_count} validation examples are too few to measure a gain (at least {MIN_VALIDATION})"
    if now.frozen_errors < MIN_ERRORS:
        return f"not tried: the frozen model errs on {now.frozen_errors} of {now.frozen_count}; a gain could not be told from chance"
    needed_s = OVERHEAD_S + MIN_EPOCHS * now.epoch_s
    if now.remaining_s < needed_s:
        return f"not tried: {now.remaining_s:.0f} s are left, one epoch needs about {needed_s:.0f} s"
    return None
