"""Tasks, and which state may follow which. The state machine `learn` writes most of these fields: statemachines/README.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from chalicelib.domain.failure import Problem
from chalicelib.domain.records import Executed
from droplearn.contracts.status import TaskStatus


@dataclass(frozen=True)
class Task(Executed):
    """`settings` is a TaskSettings as JSON. `attempt` counts restarts; `final_status` is what it will be once the evaluation is over."""

    KIND: ClassVar[str] = "TASK"

    id: str
    project: str
    dataset: str
    scenario: str
    settings: dict[str, Any]
    status: str
    created_at: str
    updated_at: str
    attempt: int = 1
    name: str | None = None
    is_deployed_when_done: bool = False
    execution: str | None = None
    """ARN of the current attempt's execution."""
    training_job: str | None = None
    """The current one; all of them: `training_jobs`."""
    training_jobs: list[str] = field(default_factory=list)
    is_stop_requested: bool = False
    dataset_version: str | None = None
    warnings: list[str] = field(default_factory=list)
    optimisation_job: str | None = None
    queued_since: str | None = None
    training_started_at: str | None = None
    training_ended_at: str | None = None
    """When its model was registered."""
    earlier_runs: list[dict[str, Any]] = field(default_factory=list)
    """Of the attempts before: what SageMaker bills (`uses.py`)."""
    ended_at: str | None = None
    model: str | None = None
    model_deleted_at: str | None = None
    """Somebody deleted it: the task cannot be restarted any more."""
    evaluation: str | None = None
    service: str | None = None
    final_status: str | None = None
    metrics: dict[str, float] | None = None
    """Of the evaluation."""
    health: dict[str, Any] | None = None
    error: Problem | None = None

    @property
    def listing(self) -> tuple[str, str]:
        """A project's tasks by id, that is by time."""
        return tasks_of(self.project), self.id

    @property
    def state(self) -> TaskStatus:
        """`status`, typed."""
        return TaskStatus(self.status)


def tasks_of(project: str) -> str:
    """The listing."""
    return f"PROJECT#{project}#TASKS"


RUNNING = [s.value for s in TaskStatus if not s.is_terminal]
ENDED = [s.value for s in TaskStatus if s.is_terminal]
STOPPED_BEFORE_TRAINING = [TaskStatus.CREATED.value, TaskStatus.PREPARING.value, TaskStatus.QUEUED_FOR_CAPACITY.value]
"""A stop in one of these ends the task at once: nothing was learnt yet (or the checkpoints are kept for a restart)."""
RESTARTABLE = [
    TaskStatus.FAILED.value,
    TaskStatus.STOPPED.value,
    TaskStatus.STOPPED_WITH_MODEL.value,
    TaskStatus.TIMED_OUT_WITH_MODEL.value,
]


def final_status(stop_reason: str, is_stop_requested: bool) -> TaskStatus:
    """What a task with a model ends as, from the manifest's stop_reason."""
    if stop_reason == "max_runtime":
        return TaskStatus.TIMED_OUT_WITH_MODEL
    if stop_reason == "stop_requested" or (is_stop_requested and stop_reason not in ("converged", "epochs_done", "expected_accuracy")):
        return TaskStatus.STOPPED_WITH_MODEL
    return TaskStatus.SUCCEEDED
