"""Failures of executions, caught by the state machine (record_failure) or seen from outside (execution_ended).

Never touches what has ended already, or another attempt.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from chalicelib.domain.batch_job import RUNNING_BATCHES, BatchJob
from chalicelib.domain.failure import RESTART, Problem, problem
from chalicelib.domain.service import Service
from chalicelib.domain.task import RUNNING, Task
from chalicelib.domain.times import text_of
from chalicelib.ports import Platform
from chalicelib.service.attempts import FAILED, STOPPED, end
from chalicelib.service.loading_tables import remove_tables
from chalicelib.service.lost_updates import end_lost_update
from chalicelib.service.removing import remove_serving
from chalicelib.service.resuming import resume_service
from chalicelib.service.service_events import note_end, note_ending
from droplearn.contracts.status import BatchStatus, EvaluationStatus, ServiceStatus, TaskStatus

RUNNING_EVALUATIONS = [s.value for s in EvaluationStatus if not s.is_terminal]
RUNNING_SERVICES = [s.value for s in ServiceStatus if not s.is_terminal]
_NAME = re.compile(r"((task|eval|service|update|batch)-[0-9a-z]{26})-a([0-9]+)")


class Execution(NamedTuple):
    """What an execution's name says: `<id>-a<attempt>`."""

    kind: str
    id: str
    attempt: int


_AGAIN = {
    "task": RESTART,
    "eval": "Start the evaluation again.",
    "service": "Deploy the model again.",
    "update": "See the service's versions, and change them again.",
    "batch": "Restart the batch job: it goes on where it was.",
}


def parse_execution_name(name: str) -> Execution | None:
    """None for one that is not ours."""
    found = _NAME.fullmatch(name)
    return Execution(found[2], found[1], int(found[3])) if found else None


def record_failure(platform: Platform, execution: Execution, error: Problem) -> str | None:
    """Returns the state it ended in; None: it had ended before."""
    if execution.kind == "task":
        return _fail_task(platform, execution, error)
    if execution.kind == "eval":
        return _fail_evaluation(platform, execution.id, error)
    if execution.kind == "batch":
        return _fail_batch(platform, execution, error)
    if execution.kind == "update":
        return end_lost_update(platform, execution.id, error)
    return _fail_service(platform, execution, error)


def _fail_task(platform: Platform, execution: Execution, error: Problem) -> str | None:
    """A model that was registered stays what counts: then only the evaluation is lost."""
    task = platform.tasks.get(execution.id)
    if task is None or task.attempt != execution.attempt or task.state.is_terminal:
        return None
    status = _end_of(task)
    changed = end(platform, platform.tasks, task, status.value, RUNNING, error if status is TaskStatus.FAILED else None)
    return changed.status if changed else None


def _end_of(task: Task) -> TaskStatus:
    if task.final_status:
        return TaskStatus(task.final_status)
    return TaskStatus.STOPPED if task.is_stop_requested else TaskStatus.FAILED


def _fail_evaluation(platform: Platform, evaluation_id: str, error: Problem) -> str | None:
    now = text_of(platform.now())
    changes = {"status": EvaluationStatus.FAILED.value, "error": error, "updated_at": now, "ended_at": now}
    changed = platform.evaluations.change(evaluation_id, changes, only_if={"status": RUNNING_EVALUATIONS})
    return changed.status if changed else None


def _fail_service(platform: Platform, execution: Execution, error: Problem) -> str | None:
    """One that was asked to stop has stopped, whichever way."""
    service = platform.services.get(execution.id)
    if service is None or service.attempt != execution.attempt:
        return None
    if service.state.is_terminal:
        note_end(platform, service)
        return None
    note_ending(platform, service)
    is_stopped = service.state is ServiceStatus.STOPPING and error["code"] != "service.not_removed"
    changed = end(platform, platform.services, service, STOPPED if is_stopped else FAILED, RUNNING_SERVICES, None if is_stopped else error)
    if changed is not None:
        note_end(platform, changed)
    return changed.status if changed else None


def _fail_batch(platform: Platform, execution: Execution, error: Problem) -> str | None:
    """One that was asked to stop has stopped, whichever way. Its results stay: a restart goes on from them."""
    batch = platform.batch_jobs.get(execution.id)
    if batch is None or batch.attempt != execution.attempt or batch.state.is_terminal:
        return None
    is_stopped = batch.state is BatchStatus.STOPPING or batch.final_status == BatchStatus.STOPPED
    changed = end(platform, platform.batch_jobs, batch, STOPPED if is_stopped else FAILED, RUNNING_BATCHES, None if is_stopped else error)
    return changed.status if changed else None


def settle_ended_execution(platform: Platform, execution: Execution, how: str) -> str | None:
    """For an execution that did not tell itself: what it started is stopped, but a service that was interrupted goes on. `how`: FAILED,
    TIMED_OUT, ABORTED.
    """
    if execution.kind == "task":
        _stop_training(platform, platform.tasks.get(execution.id), execution.attempt)
    if execution.kind == "service":
        if how == "ABORTED" and (resumed := resume_service(platform, execution.id, execution.attempt)):
            return resumed.status
        _end_serving(platform, platform.services.get(execution.id), execution.attempt)
    if execution.kind == "batch":
        _stop_transform(platform, platform.batch_jobs.get(execution.id), execution.attempt)
    hint = _AGAIN[execution.kind]
    return record_failure(platform, execution, problem("execution.aborted", f"The run was interrupted ({how.lower()}).", hint))


def _stop_training(platform: Platform, task: Task | None, attempt: int) -> None:
    if task is not None and task.attempt == attempt and task.training_job and task.status in ("TRAINING", "STOPPING"):
        platform.training_jobs.stop(task.training_job)


def _stop_transform(platform: Platform, batch: BatchJob | None, attempt: int) -> None:
    if batch is not None and batch.attempt == attempt and batch.transform_job and batch.status in ("RUNNING", "STOPPING"):
        platform.transform_jobs.stop(batch.transform_job)


def _end_serving(platform: Platform, service: Service | None, attempt: int) -> None:
    if service is None or service.attempt != attempt or service.state.is_terminal:
        return
    if service.serving == "tables":
        remove_tables(platform, service.id)
    else:
        remove_serving(platform, service)
