"""Step SettleTransform: how a transform job ended, whatever its state machine saw of it, and what comes next."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.batch_job import RUNNING_BATCHES, BatchJob
from chalicelib.domain.capacity import CapacityPolicy
from chalicelib.domain.failure import Problem, lacks_capacity, problem, problem_of_caught
from chalicelib.domain.times import moment_of, text_of
from chalicelib.ports import Platform, TransformJob
from chalicelib.service.batch_plan import PLAN, work_of
from chalicelib.service.finding import find_batch_job
from droplearn.contracts.batch import BatchPlan, Chunk
from droplearn.contracts.errors import InternalError, TransientError
from droplearn.contracts.s3_layout import batch_prefix, results_prefix
from droplearn.contracts.status import BatchStatus


@dataclass(frozen=True)
class Transformed:
    """The state that Transform has left, and what was caught, if anything."""

    batch_id: str
    attempt: int
    chunk: int
    try_number: int
    job: str
    ends_at: int
    error: str = ""
    cause: str = ""


def settle_transform(platform: Platform, ended: Transformed, policy: CapacityPolicy, chance: float | None = None) -> dict[str, Any]:
    """`{"outcome": "next" | "capacity" | "finished" | "over", ...}`.

    Raises TransientError (`batch.not_over`) while the transform job still runs: one that is out of time is stopped here.
    """
    batch = find_batch_job(platform, ended.batch_id)
    if batch.attempt != ended.attempt or batch.state.is_terminal:
        return {"outcome": "over"}
    job = platform.transform_jobs.describe(ended.job)
    if job is not None and job.status in ("InProgress", "Stopping"):
        platform.transform_jobs.stop(ended.job)
        raise TransientError("batch.not_over", f"The job {job.name} is {job.status}.", hint="It is asked again.")
    if batch.state is BatchStatus.STOPPING:
        return _finished(platform, batch, BatchStatus.STOPPED)
    if lacks_capacity(job.failure_reason if job is not None else None, ended.error, ended.cause):
        return _queued(platform, batch, ended, policy, random.random() if chance is None else chance)  # noqa: S311 (spreads load)
    return _after(platform, batch, job, ended)


def _after(platform: Platform, batch: BatchJob, job: TransformJob | None, ended: Transformed) -> dict[str, Any]:
    """A transform job that failed about some of its objects is as good as one that completed: the summary names them."""
    plan = _plan(platform, batch)
    chunk = plan.chunks[ended.chunk - 1]
    is_done = job is not None and (job.status == "Completed" or (job.status == "Failed" and _has_answers(platform, batch, chunk)))
    if is_done:
        done = plan.answered_count + sum(c.count for c in plan.chunks[: ended.chunk])
        platform.batch_jobs.change(batch.id, {"done_count": done, "queued_since": None}, only_if={"attempt": [batch.attempt]})
        if ended.chunk == len(plan.chunks):
            return _finished(platform, batch, BatchStatus.SUCCEEDED)
    if ended.error == "States.Timeout" or ended.ends_at <= platform.now().timestamp():
        return _finished(platform, batch, BatchStatus.TIMED_OUT)
    if not is_done:
        return _finished(platform, batch, BatchStatus.FAILED, _problem(job, ended))
    return {"outcome": "next", "work": work_of(platform, batch, ended.chunk + 1, 1, ended.ends_at)}


def _plan(platform: Platform, batch: BatchJob) -> BatchPlan:
    body = platform.artifacts.read(batch_prefix(batch.id, batch.attempt) + PLAN)
    if body is None:
        raise InternalError("batch.plan_lost", f"The plan of {batch.id} is gone.")
    return BatchPlan.from_json(body)


def _has_answers(platform: Platform, batch: BatchJob, chunk: Chunk) -> bool:
    """Any that this attempt wrote about an object of the chunk."""
    prefix = results_prefix(batch.id)
    for found in platform.artifacts.listed(prefix, after=prefix + chunk.first_key):
        key = found.key.removeprefix(prefix).removesuffix(".out")
        if key > chunk.last_key:
            return False
        if found.changed_at[:19] >= (batch.started_at or "")[:19]:  # S3 knows seconds
            return True
    return False


def _problem(job: TransformJob | None, ended: Transformed) -> Problem:
    if job is None:
        return problem_of_caught(ended.error, ended.cause)
    if job.status == "Stopped":
        return problem("batch.stopped_outside", f"The job {job.name} was stopped from outside.", "Restart: it goes on where it was.")
    return problem("batch.transform_failed", job.failure_reason, "See the job's log in /aws/sagemaker/TransformJobs.")


def _finished(platform: Platform, batch: BatchJob, status: BatchStatus, error: Problem | None = None) -> dict[str, Any]:
    """Whatever it is, what was answered is summarised first."""
    platform.batch_jobs.change(
        batch.id, {"final_status": status.value, "error": error}, only_if={"status": RUNNING_BATCHES, "attempt": [batch.attempt]}
    )
    return {"outcome": "finished", "status": status.value}


def _queued(platform: Platform, batch: BatchJob, ended: Transformed, policy: CapacityPolicy, chance: float) -> dict[str, Any]:
    """Waiting for an instance does not count as running."""
    now = platform.now()
    since = batch.queued_since or text_of(now)
    platform.batch_jobs.change(batch.id, {"queued_since": since}, only_if={"attempt": [batch.attempt]})
    if policy.is_over((now - moment_of(since)).total_seconds()):
        told = problem("capacity.unavailable", f"No instance was to be had since {since}.", "Choose another instance type.")
        return _finished(platform, batch, BatchStatus.FAILED, told)
    wait_s = policy.wait_s(ended.try_number, chance)
    work = work_of(platform, batch, ended.chunk, ended.try_number + 1, ended.ends_at + wait_s)
    return {"outcome": "capacity", "wait_s": wait_s, "work": work}
