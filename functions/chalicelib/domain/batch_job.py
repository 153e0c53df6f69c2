"""Batch jobs: a model applied to every object under a prefix. The state machine `batch` writes most of these fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from chalicelib.domain.failure import Problem
from chalicelib.domain.records import Executed
from droplearn.contracts.status import BatchStatus

MIN_RUNTIME_S, DEFAULT_RUNTIME_S, MAX_RUNTIME_S = 60, 4 * 3600, 5 * 24 * 3600
SummaryForm = Literal["csv", "parquet", "both"]
MAX_OBJECTS = 2_000_000
"""What PlanBatch can list within its fifteen minutes and its disk."""


@dataclass(frozen=True)
class BatchJob(Executed):
    """Its inputs: a dataset's examples (whose true labels are known), or what lies below a prefix of the data bucket.
    The name of an attempt's execution is also that of its SageMaker model.
    """

    KIND: ClassVar[str] = "BATCHJOB"

    id: str
    project: str
    model: str
    scenario: str
    status: str
    created_at: str
    updated_at: str
    instance_type: str
    instance_count: int = 1
    max_runtime_s: int = DEFAULT_RUNTIME_S
    dataset: str | None = None
    prefix: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    """Of each answer, as in a prediction's query: `top`, `pos`, ..."""
    variant: str = "fp32"
    """Of the model: as trained, or what optimisation made of it."""
    summary: SummaryForm = "csv"
    objects_per_transform: int | None = None
    """None: by the number of objects."""
    name: str | None = None
    attempt: int = 1
    execution: str | None = None
    """ARN of the current attempt's execution."""
    transform_job: str | None = None
    """The current one."""
    input_count: int | None = None
    done_count: int | None = None
    """Inputs whose transform is over, those of earlier attempts included."""
    skipped_counts: dict[str, int] | None = None
    started_at: str | None = None
    ended_at: str | None = None
    queued_since: str | None = None
    earlier_runs: list[dict[str, Any]] = field(default_factory=list)
    """Of the attempts before: what SageMaker bills (`uses.py`)."""
    final_status: str | None = None
    """What it will be once it is summarised."""
    report: dict[str, Any] | None = None
    """A BatchReport without its labels."""
    error: Problem | None = None

    @property
    def listing(self) -> tuple[str, str]:
        """A project's batch jobs by time."""
        return batch_jobs_of(self.project), self.id

    @property
    def state(self) -> BatchStatus:
        """`status`, typed."""
        return BatchStatus(self.status)


def batch_jobs_of(project: str) -> str:
    """The listing."""
    return f"PROJECT#{project}#BATCHJOBS"


RUNNING_BATCHES = [s.value for s in BatchStatus if not s.is_terminal]
STOPPED_BEFORE_TRANSFORM = [BatchStatus.CREATED.value, BatchStatus.PREPARING.value]
"""A stop in one of these ends the batch job at once: nothing was answered yet, or what was is kept for a restart."""
RESTARTABLE = [BatchStatus.FAILED.value, BatchStatus.STOPPED.value, BatchStatus.TIMED_OUT.value]
