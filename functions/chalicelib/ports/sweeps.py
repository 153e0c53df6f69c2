"""What makes the sweep run."""

from __future__ import annotations

from typing import Protocol


class SweepSchedule(Protocol):
    """The schedule of the sweep. Twice is as good as once."""

    def start(self) -> None:
        """From now on."""

    def stop(self) -> None:
        """Until it is started."""
