"""How a training ended, whatever its state machine saw of it: the job's own description and the best model's manifest decide."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.capacity import CapacityPolicy
from chalicelib.domain.evaluation import Evaluation
from chalicelib.domain.failure import Problem, lacks_capacity, problem, problem_of_caught, problem_of_job
from chalicelib.domain.model import Model
from chalicelib.domain.task import RUNNING, Task, final_status
from chalicelib.domain.times import moment_of, text_of
from chalicelib.ports import Platform, TrainingJob
from chalicelib.service.attempts import end
from chalicelib.service.finding import find_task
from droplearn.contracts.dataset import HealthReport
from droplearn.contracts.errors import TransientError
from droplearn.contracts.ids import model_id_of
from droplearn.contracts.model import ModelManifest
from droplearn.contracts.s3_layout import best_model_manifest_key, health_report_key
from droplearn.contracts.status import EvaluationStatus, TaskStatus

LISTED_PROBLEMS = 20


@dataclass(frozen=True)
class Ended:
    """The state that Train has left: `try_number` of `attempt`, its job, and what was caught, if anything."""

    task_id: str
    attempt: int
    try_number: int
    job: str
    evaluation_id: str
    error: str = ""
    cause: str = ""


def settle_training(platform: Platform, ended: Ended, policy: CapacityPolicy, chance: float | None = None) -> dict[str, Any]:
    """`{"outcome": "model" | "capacity" | "over", ...}`; the task is marked STOPPED or FAILED here, with a model by the state machine.

    Raises TransientError (`training.not_over`) while the job still runs.
    """
    task = find_task(platform, ended.task_id)
    if task.attempt != ended.attempt or task.state.is_terminal:
        return {"outcome": "over"}
    job = platform.training_jobs.describe(ended.job)
    if job is not None and job.status in ("InProgress", "Stopping"):
        raise TransientError("training.not_over", f"The job {job.name} is {job.status}.", hint="It is asked again.")
    _keep_health(platform, task)
    manifest = _manifest(platform, task)
    if job is not None and job.status in ("Completed", "Stopped") and job.model_artifacts and manifest is not None:
        return _with_model(platform, task, job, manifest, ended.evaluation_id)
    if task.is_stop_requested:
        return _over(platform, task, TaskStatus.STOPPED, None)
    if lacks_capacity(job.failure_reason if job is not None else None, ended.error, ended.cause):
        return _queued(platform, task, ended, policy, random.random() if chance is None else chance)  # noqa: S311 (spreads load)
    return _over(platform, task, TaskStatus.FAILED, _problem(job, ended))


def _problem(job: TrainingJob | None, ended: Ended) -> Problem:
    if job is None:
        return problem_of_caught(ended.error, ended.cause)
    if job.status == "Failed":
        return problem_of_job(job.failure_reason)
    if job.secondary_status == "MaxRuntimeExceeded" or ended.error == "States.Timeout":
        return problem("training.no_model_in_time", "The time was over before there was a model.", "Allow a longer max_runtime_s.")
    return problem(
        "training.stopped_outside",
        f"The job {job.name} was stopped from outside.",
        "Restart the task: it goes on from its last checkpoint.",
    )


def _over(platform: Platform, task: Task, status: TaskStatus, error: Problem | None) -> dict[str, Any]:
    end(platform, platform.tasks, task, status.value, RUNNING, error)
    return {"outcome": "over", "status": status.value}


def _queued(platform: Platform, task: Task, ended: Ended, policy: CapacityPolicy, chance: float) -> dict[str, Any]:
    now = platform.now()
    since = task.queued_since or text_of(now)
    platform.tasks.change(task.id, {"queued_since": since, "training_started_at": None}, only_if={"attempt": [task.attempt]})
    if policy.is_over((now - moment_of(since)).total_seconds()):
        told = f"No instance was to be had since {since}."
        return _over(
            platform,
            task,
            TaskStatus.FAILED,
            problem("capacity.unavailable", told, "Choose another instance type, or ask for a quota increase."),
        )
    return {"outcome": "capacity", "wait_s": policy.wait_s(ended.try_number, chance), "next_try": ended.try_number + 1}


def _manifest(platform: Platform, task: Task) -> ModelManifest | None:
    body = platform.artifacts.read(best_model_manifest_key(task.id))
    return ModelManifest.from_json(body) if body else None


def _keep_health(platform: Platform, task: Task) -> None:
    body = platform.artifacts.read(health_report_key(task.id))
    if not body:
        return
    report = HealthReport.from_json(body).model_dump(mode="json")
    essentials = report | {"problems": report["problems"][:LISTED_PROBLEMS], "task": task.id}
    platform.tasks.change(task.id, {"health": essentials}, only_if={"attempt": [task.attempt]})
    platform.datasets.change(f"{task.project}/{task.dataset}", {"health": essentials})


def _with_model(platform: Platform, task: Task, job: TrainingJob, manifest: ModelManifest, evaluation_id: str) -> dict[str, Any]:
    now = text_of(platform.now())
    model = _model(platform, task, job, manifest, now)
    platform.models.put(model)
    platform.evaluations.add(
        Evaluation(
            id=evaluation_id,
            project=task.project,
            model=model.id,
            status=EvaluationStatus.CREATED.value,
            created_at=now,
            updated_at=now,
            task=task.id,
            dataset_version=model.dataset_version,
        )
    )
    reason = "max_runtime" if job.secondary_status == "MaxRuntimeExceeded" else manifest.stop_reason
    status = final_status(reason, task.is_stop_requested).value
    changes = {"model": model.id, "evaluation": evaluation_id, "final_status": status, "warnings": _union(task.warnings, manifest.warnings)}
    changes["training_ended_at"] = task.training_ended_at or now
    platform.tasks.change(task.id, changes, only_if={"attempt": [task.attempt]})
    return {
        "outcome": "model",
        "model_id": model.id,
        "final_status": status,
        "evaluation_id": evaluation_id,
        "is_optimised": bool((task.settings.get("optimise") or {}).get("variants")) and not task.is_stop_requested,
    }


def _model(platform: Platform, task: Task, job: TrainingJob, manifest: ModelManifest, now: str) -> Model:
    """The same task again (a restart, or this step twice) keeps the model's number."""
    known = platform.models.get(model_id_of(task.id))
    return Model(
        id=model_id_of(task.id),
        project=task.project,
        number=known.number if known else platform.projects.increment(task.project, "model_count"),
        task=task.id,
        scenario=manifest.scenario,
        dataset=task.dataset,
        dataset_version=manifest.dataset_version,
        preset=manifest.preset,
        created_at=known.created_at if known else now,
        updated_at=now,
        artifact_uri=job.model_artifacts or "",
        labels=manifest.labels,
        stop_reason=manifest.stop_reason,
        metrics=manifest.metrics,
        metrics_protocol=manifest.metrics_protocol,
        candidates=[c.model_dump(mode="json") for c in manifest.candidates],
        warnings=manifest.warnings,
        base_model=manifest.base_model.model_dump(mode="json") if manifest.base_model else None,
        code_version=manifest.code_version,
        size_bytes=sum(f.size_bytes for f in manifest.files),
        training_seconds=manifest.training_seconds,
        claims=known.claims if known else [],
        claim_count=known.claim_count if known else None,
    )


def _union(one: list[str], other: list[str]) -> list[str]:
    return list(dict.fromkeys([*one, *other]))
