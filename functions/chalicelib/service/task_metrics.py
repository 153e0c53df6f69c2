"""The metric and progress lines in a task's log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.task import Task
from chalicelib.ports import LogLine, Platform
from droplearn.contracts.status import TaskStatus
from droplearn.contracts.training import MetricLine, ProgressLine

PAGE, MAX_PAGES = 5000, 20


@dataclass(frozen=True)
class TaskMetrics:
    """`metrics`: each line flat, with its job."""

    metrics: list[dict[str, Any]]
    progress: ProgressLine | None


def read_metrics(platform: Platform, task: Task) -> TaskMetrics:
    """Reads the log of the first instance from its beginning: the trainer prints a line an epoch, not one a batch."""
    metrics: list[dict[str, Any]] = []
    progress, cursor = None, None
    for _ in range(MAX_PAGES):
        page = platform.job_logs.page(task.training_jobs, PAGE, cursor, only_first_node=True, contains='"event"')
        for line in page.items:
            told = _document(line)
            if told.get("event") == "metric" and (metric := _metric(told)) is not None:
                metrics.append({"job": line.job, **metric.model_dump(exclude={"metrics"}), **metric.metrics})
            elif told.get("event") == "progress":
                progress = _progress(told) or progress
        cursor = page.cursor
        if cursor is None:
            break
    is_optimising = task.state is TaskStatus.OPTIMISING
    return TaskMetrics(metrics, _progress_of_optimisation(platform, task) if is_optimising else progress)


def _progress_of_optimisation(platform: Platform, task: Task) -> ProgressLine | None:
    """The latest of its processing job; None before it says something."""
    if not task.optimisation_job:
        return None
    page = platform.job_logs.page([task.optimisation_job], PAGE, None, contains='"progress"', kind="processing")
    told = [_progress(_document(line)) for line in page.items]
    return next((line for line in reversed(told) if line is not None), None)


def _document(line: LogLine) -> dict[str, Any]:
    try:
        told = json.loads(line.message)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _metric(told: dict[str, Any]) -> MetricLine | None:
    try:
        return MetricLine.from_dict(told)
    except (KeyError, ValueError):
        return None


def _progress(told: dict[str, Any]) -> ProgressLine | None:
    try:
        return ProgressLine.model_validate(told)
    except ValueError:
        return None
