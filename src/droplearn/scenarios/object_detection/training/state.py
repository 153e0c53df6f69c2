"""checkpoints/detector.npz: where a training stands after a round."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from droplearn.scenarios.learning.saved_state import Arrays, SavedState


@dataclass(frozen=True)
class DetectorState(SavedState):
    """After `rounds_done` rounds."""

    FILE: ClassVar[str] = "detector.npz"
    GROUPS: ClassVar[tuple[str, ...]] = ("weights", "average", "best", "moments")

    size: int
    rounds_done: int
    fraction: float
    bad_rounds: int
    history: list[dict[str, Any]]
    rounds: list[dict[str, Any]]
    """Name and metrics of each round that was validated."""
    is_finished: bool = False
    weights: Arrays = field(default_factory=dict)
    average: Arrays = field(default_factory=dict)
    best: Arrays = field(default_factory=dict)
    moments: Arrays = field(default_factory=dict)
