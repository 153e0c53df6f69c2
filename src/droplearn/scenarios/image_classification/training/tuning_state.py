"""checkpoints/tuning.npz: where a fine-tuning stands after an epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from droplearn.scenarios.learning.saved_state import Arrays, SavedState


@dataclass(frozen=True)
class TuningState(SavedState):
    """After `epochs_done` epochs."""

    FILE: ClassVar[str] = "tuning.npz"
    GROUPS: ClassVar[tuple[str, ...]] = ("weights", "average", "best", "lowest", "moments")

    epochs_done: int
    fraction: float
    bad_epochs: int
    history: list[dict[str, Any]]
    is_finished: bool = False
    weights: Arrays = field(default_factory=dict)
    average: Arrays = field(default_factory=dict)
    best: Arrays = field(default_factory=dict)
    lowest: Arrays = field(default_factory=dict)
    """`losses` of the validation examples in the epoch with the lowest mean."""
    moments: Arrays = field(default_factory=dict)
