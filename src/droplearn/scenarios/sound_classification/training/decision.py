"""Whether a small network of its own is worth its time. Each "no" is a sentence that the model's manifest keeps."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_SECONDS = 2.0
MIN_PER_LABEL = 30
MIN_VALIDATION = 20
MIN_ERRORS = 6
"""Held-out mistakes of the best head: with fewer, a gain cannot be told from chance."""
MIN_SECONDS_LEFT = 25.0
"""Importing torch, decoding, some epochs, comparing."""


@dataclass(frozen=True)
class Situation:
    """What is known once the best head is saved."""

    smallest_label: int
    train_count: int
    validation_count: int
    median_seconds: float
    errors: int
    remaining_s: float
    is_asked_for: bool
    """The user set a number of epochs."""


def reason_not_to_train(now: Situation) -> str | None:
    """None: it is worth trying."""
    if now.validation_count == 0 or now.train_count < 2:
        return "not tried: no examples are left to validate with"
    if now.is_asked_for:
        return None
    if now.median_seconds > LONGEST_SECONDS:
        return f"not tried: the sounds last {now.median_seconds:.1f} s; it is for words and other short sounds"
    if now.smallest_label < MIN_PER_LABEL:
        return f"not tried: a label has {now.smallest_label} training examples (at least {MIN_PER_LABEL})"
    if now.validation_count < MIN_VALIDATION:
        return f"not tried: {now.validation_count} validation examples are too few to measure a gain (at least {MIN_VALIDATION})"
    if now.errors < MIN_ERRORS:
        return f"not tried: the best head errs on {now.errors} held-out examples; a gain could not be told from chance"
    if now.remaining_s < MIN_SECONDS_LEFT:
        return f"not tried: {now.remaining_s:.0f} s are left"
    return None
