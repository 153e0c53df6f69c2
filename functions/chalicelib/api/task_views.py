"""What callers see of tasks."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from chalicelib.api.views import ErrorView, View
from droplearn.contracts.status import TaskStatus


class TaskView(View):
    """A task."""

    id: str
    name: str | None
    project: str
    dataset: str
    scenario: str
    settings: dict[str, Any]
    status: TaskStatus
    attempt: int
    is_stop_requested: bool
    is_deployed_when_done: bool
    dataset_version: str | None
    warnings: list[str]
    training_job: str | None
    created_at: str
    updated_at: str
    queued_since: str | None
    training_started_at: str | None
    ended_at: str | None
    model: str | None
    model_deleted_at: str | None = Field(description="When somebody asked for its model's deletion; the task cannot be restarted any more")
    evaluation: str | None
    service: str | None
    metrics: dict[str, float] | None = Field(description="Of the evaluation")
    health: dict[str, Any] | None
    error: ErrorView | None


class TaskPage(View):
    """Tasks, newest first."""

    tasks: list[TaskView]
    next_cursor: str | None = None


class MetricView(View):
    """One epoch or stage; the metrics themselves (`valid_top1_accuracy`, ...) stand beside these fields."""

    model_config = ConfigDict(extra="allow")

    job: str
    stage: str
    epoch: int
    epochs: int
    elapsed_s: float


class ProgressView(View):
    """Where a long stage stands."""

    stage: str
    done: int
    total: int
    message: str = ""


class MetricsView(View):
    """All metrics of a task so far, oldest first, and the latest progress."""

    metrics: list[MetricView]
    progress: ProgressView | None


class JobEstimateView(View):
    """Of one kind of instances. `max_runtime_s`: SageMaker ends it then, some minutes after the task's own limit."""

    instance_type: str
    instances: int
    max_runtime_s: int
    usd_at_most: float | None


class TaskEstimateView(View):
    """What a task may cost at the most; null: the price table does not know a type. `afterwards`: optimisation and evaluation."""

    dataset: str
    training: JobEstimateView
    afterwards: JobEstimateView
    usd_at_most: float | None
    prices_as_of: str
    prices_source: str
