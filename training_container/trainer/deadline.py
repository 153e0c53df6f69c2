"""When training must end: the task's max runtime, counted from the start of the process, less a reserve for the export; or SIGTERM."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from types import FrameType

from droplearn.scenarios.learning import StoppedEarly
from droplearn.scenarios.learning.context import Interruption

DEFAULT_EXPORT_RESERVE_S = 5.0
"""Measured: export and two copies of Lite2 take under 1 s on two busy cores; a step or a batch may be under way."""
STARTED_AT = "DROPLEARN_STARTED_AT"
EXPORT_RESERVE = "DROPLEARN_EXPORT_RESERVE_S"


class ProcessDeadline:
    """The deadline of this process. `stop` is what the signal handler calls."""

    def __init__(self, max_runtime_s: float, started_at: float, reserve_s: float) -> None:
        self._started_at, self._limit_s = started_at, max_runtime_s - reserve_s
        self._is_stop_requested = False

    @classmethod
    def from_environment(cls, max_runtime_s: float) -> ProcessDeadline:
        """Also lets SIGTERM and SIGINT ask for a stop."""
        deadline = cls(max_runtime_s, started_at(), float(os.environ.get(EXPORT_RESERVE, DEFAULT_EXPORT_RESERVE_S)))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, deadline._on_signal)
        return deadline

    def stop(self) -> None:
        """From now on every check fails."""
        self._is_stop_requested = True

    def elapsed_s(self) -> float:
        """Seconds since the process began."""
        return time.time() - self._started_at

    def remaining_s(self) -> float:
        """Seconds until training must end; negative when it is late."""
        return self._limit_s - self.elapsed_s()

    def interruption(self) -> Interruption | None:
        """Why training must end now, or None. A request comes before the limit."""
        if self._is_stop_requested:
            return "stop_requested"
        return "max_runtime" if self.remaining_s() <= 0 else None

    def check(self) -> None:
        """Raises StoppedEarly."""
        if (reason := self.interruption()) is not None:
            raise StoppedEarly(reason)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()


def started_at() -> float:
    """When this process (or the launcher that told it so) began, in seconds since 1970: imports count as training time."""
    if STARTED_AT in os.environ:
        return float(os.environ[STARTED_AT])
    try:
        ticks = float(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return time.time()
    return time.time() - max(0.0, uptime_s - ticks / os.sysconf("SC_CLK_TCK"))
