"""stdout, one JSON object a line: metrics, progress, sentences. Live curves and SageMaker's MetricDefinitions read it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from droplearn.contracts.training import MetricLine, ProgressLine

_PROGRESS_EVERY_S = 1.0


class StdoutLog:
    """The leader's log."""

    def __init__(self, elapsed_s: Callable[[], float]) -> None:
        self.history: list[dict[str, Any]] = []
        self._elapsed_s = elapsed_s
        self._last_progress = ("", 0.0)

    def metric(self, stage: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None:
        """Printed and kept."""
        line = MetricLine(stage=stage, epoch=epoch, epochs=epochs, elapsed_s=round(self._elapsed_s(), 2), metrics=dict(metrics)).to_line()
        self.history.append(json.loads(line))
        _print(line)

    def progress(self, stage: str, done: int, total: int, message: str = "") -> None:
        """At most one a second and stage, but always the last one."""
        now = time.monotonic()
        last_stage, last_at = self._last_progress
        if stage == last_stage and done < total and now - last_at < _PROGRESS_EVERY_S:
            return
        self._last_progress = (stage, now)
        _print(ProgressLine(stage=stage, done=done, total=total, message=message).model_dump_json())

    def note(self, message: str) -> None:
        """A sentence."""
        _print(json.dumps({"event": "note", "message": message}, ensure_ascii=False))


class SilentLog:
    """The log of a process that is not the leader."""

    def __init__(self) -> None:
        self.history: list[dict[str, Any]] = []

    def metric(self, stage: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None:
        """Nothing."""

    def progress(self, stage: str, done: int, total: int, message: str = "") -> None:
        """Nothing."""

    def note(self, message: str) -> None:
        """Nothing."""


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
