"""The states of tasks, evaluations and services. What leads from one to the next: statemachines/README.md."""

from __future__ import annotations

from enum import StrEnum


class TaskStatus(StrEnum):
    """A task. Those with `_WITH_MODEL`, and SUCCEEDED, have a model."""

    CREATED = "CREATED"
    PREPARING = "PREPARING"
    QUEUED_FOR_CAPACITY = "QUEUED_FOR_CAPACITY"
    TRAINING = "TRAINING"
    STOPPING = "STOPPING"
    OPTIMISING = "OPTIMISING"
    EVALUATING = "EVALUATING"
    SUCCEEDED = "SUCCEEDED"
    TIMED_OUT_WITH_MODEL = "TIMED_OUT_WITH_MODEL"
    STOPPED_WITH_MODEL = "STOPPED_WITH_MODEL"
    STOPPED = "STOPPED"
    FAILED = "FAILED"

    @property
    def is_terminal(self) -> bool:
        """Nothing happens any more unless the task is restarted."""
        return self in _TASK_ENDS

    @property
    def has_model(self) -> bool:
        """The task ended and left a model."""
        return self in (TaskStatus.SUCCEEDED, TaskStatus.TIMED_OUT_WITH_MODEL, TaskStatus.STOPPED_WITH_MODEL)


_TASK_ENDS = {
    TaskStatus.SUCCEEDED,
    TaskStatus.TIMED_OUT_WITH_MODEL,
    TaskStatus.STOPPED_WITH_MODEL,
    TaskStatus.STOPPED,
    TaskStatus.FAILED,
}


class EvaluationStatus(StrEnum):
    """An evaluation."""

    CREATED = "CREATED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    @property
    def is_terminal(self) -> bool:
        """Done, one way or the other."""
        return self in (EvaluationStatus.SUCCEEDED, EvaluationStatus.FAILED)


class ServiceStatus(StrEnum):
    """A service."""

    CREATED = "CREATED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    FAILED = "FAILED"

    @property
    def is_terminal(self) -> bool:
        """Nothing runs and nothing is billed."""
        return self in (ServiceStatus.STOPPED, ServiceStatus.FAILED)


class ServiceKind(StrEnum):
    """What a service is for (P-1): trying a model out, or formal use."""

    TEST = "test"
    FORMAL = "formal"


class BatchStatus(StrEnum):
    """A batch job. What had been answered by its end is kept and summarised, whichever end it was."""

    CREATED = "CREATED"
    PREPARING = "PREPARING"
    QUEUED_FOR_CAPACITY = "QUEUED_FOR_CAPACITY"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    SUMMARISING = "SUMMARISING"
    SUCCEEDED = "SUCCEEDED"
    TIMED_OUT = "TIMED_OUT"
    STOPPED = "STOPPED"
    FAILED = "FAILED"

    @property
    def is_terminal(self) -> bool:
        """Nothing happens any more unless the batch job is restarted."""
        return self in (BatchStatus.SUCCEEDED, BatchStatus.TIMED_OUT, BatchStatus.STOPPED, BatchStatus.FAILED)


class Permission(StrEnum):
    """Permission points of tokens (A-5)."""

    CREATE_PROJECT = "CreateProject"
    EDIT_PROJECT = "EditProject"
    LABEL_DATA = "LabelData"
    TRAIN_MODEL = "TrainModel"
    LIST_PROJECT = "ListProject"
    DEPLOY_SERVICE = "DeployService"
    PREDICT = "Predict"
    ADMIN = "Admin"
