"""Start, stop and restart batch jobs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.domain.batch_job import DEFAULT_RUNTIME_S, RESTARTABLE, STOPPED_BEFORE_TRANSFORM, BatchJob, SummaryForm
from chalicelib.domain.model import Model
from chalicelib.domain.times import text_of
from chalicelib.domain.uses import batch_run, kept_runs, transforms_of
from chalicelib.ports import Platform
from chalicelib.service.attempts import TRIES, ask_to_stop, begin_anew, end_at_once, start
from chalicelib.service.budgets import Ask, admit
from chalicelib.service.finding import find_batch_job, find_dataset, find_model
from chalicelib.service.model_claims import claim_model
from chalicelib.service.requests import id_of_request
from chalicelib.service.variants import check_variant
from droplearn.contracts.errors import Conflict, InvalidRequest, UnsupportedScenario
from droplearn.contracts.ids import check_name, new_id
from droplearn.contracts.optimisation import AS_TRAINED
from droplearn.contracts.status import BatchStatus
from droplearn.scenarios import scenario_named


@dataclass(frozen=True)
class BatchOrder:
    """What a caller wants. `instance_type` None: the scenario's default."""

    project: str
    model: str
    dataset: str | None = None
    prefix: str | None = None
    name: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    variant: str = AS_TRAINED
    summary: SummaryForm = "csv"
    instance_type: str | None = None
    instance_count: int = 1
    max_runtime_s: int = DEFAULT_RUNTIME_S
    objects_per_transform: int | None = None
    request_key: str | None = None
    caller: str = ""


def create_batch_job(platform: Platform, order: BatchOrder) -> BatchJob:
    """Keeps the batch job, then starts its execution.

    Raises NotFound (`model.unknown`, `model.deleted`, `dataset.unknown`), InvalidRequest (`batch.no_source`, `batch.foreign_prefix`,
    `name.invalid`), UnsupportedScenario (`batch.not_supported`), Conflict (`batch.wrong_project`, `variant.not_published`,
    `idempotency.mismatch`, `model.being_deleted`), BudgetExceeded, TransientError (`model.busy`).
    """
    model = find_model(platform, order.model)
    _check(platform, order, model)
    asked = json.dumps({k: v for k, v in vars(order).items() if k not in ("request_key", "caller")}, sort_keys=True)
    scope = f"{order.caller}#batch-jobs#{order.project}"
    batch_id = id_of_request(platform, scope=scope, key=order.request_key, asked=asked, id_to_make=new_id("batch"))
    job = _new_batch_job(platform, order, model, batch_id)
    admit(platform, order.project, Ask(batch_id, transforms_of(job).at_most))
    claim_model(platform, model.id, batch_id)
    platform.batch_jobs.add(job)
    return _start(platform, find_batch_job(platform, batch_id))


def _check(platform: Platform, order: BatchOrder, model: Model) -> None:
    if model.project != order.project:
        raise Conflict("batch.wrong_project", f"Model {model.id} belongs to another project.", hint="Use it in its own project.")
    if scenario_named(model.scenario).spec.serving == "tables":
        raise UnsupportedScenario(
            "batch.not_supported",
            f"A model of {model.scenario} answers from tables, not about objects.",
            hint="Its tables already hold the answer for every user: GET /v1/models/{model}/tables.",
        )
    check_variant(model, order.variant)
    if order.name is not None:
        check_name(order.name, "batch job")
    if (order.dataset is None) == (order.prefix is None):
        raise InvalidRequest("batch.no_source", "A batch job has either a dataset or a prefix.", hint="Give one of the two.")
    if order.dataset is not None:
        find_dataset(platform, order.project, order.dataset)
    elif not str(order.prefix).startswith(f"{order.project}/"):
        raise InvalidRequest(
            "batch.foreign_prefix",
            f"The prefix {order.prefix!r} is not in this project.",
            hint=f"It begins with the project's name: {order.project}/...",
        )


def _new_batch_job(platform: Platform, order: BatchOrder, model: Model, batch_id: str) -> BatchJob:
    now = text_of(platform.now())
    return BatchJob(
        id=batch_id,
        project=order.project,
        model=model.id,
        scenario=model.scenario,
        status=BatchStatus.CREATED.value,
        created_at=now,
        updated_at=now,
        instance_type=order.instance_type or scenario_named(model.scenario).spec.default_serving_instance,
        instance_count=order.instance_count,
        max_runtime_s=order.max_runtime_s,
        dataset=order.dataset,
        prefix=order.prefix,
        options=order.options,
        variant=order.variant,
        summary=order.summary,
        objects_per_transform=order.objects_per_transform,
        name=order.name,
    )


def _start(platform: Platform, job: BatchJob) -> BatchJob:
    return start(platform, platform.batch_jobs, job, "batch", {"batch_id": job.id, "attempt": job.attempt})


def stop_batch_job(platform: Platform, batch_id: str, pause: Callable[[float], None] = time.sleep) -> BatchJob:
    """Ends one that answers nothing yet; else its transform job is stopped, and what was answered is summarised. Twice is as good as
    once; one that is over, or is being summarised, stays as it is.

    Raises NotFound (`batch_job.unknown`), Conflict (`batch.busy`).
    """
    for _ in range(TRIES):
        job = find_batch_job(platform, batch_id)
        if job.state.is_terminal or job.state is BatchStatus.SUMMARISING:
            return job
        if job.status in STOPPED_BEFORE_TRANSFORM:
            stopped = end_at_once(platform, platform.batch_jobs, job, "The batch job was stopped by its user.")
        else:
            stopped = _stop_transform(platform, job, pause)
        if stopped is not None:
            return stopped
    raise Conflict("batch.busy", "The batch job changes its state too fast to be stopped.", hint="Try again in some seconds.")


def _stop_transform(platform: Platform, job: BatchJob, pause: Callable[[float], None]) -> BatchJob | None:
    """While it waits for an instance there is no job to stop: the state machine finds it STOPPING when it goes on."""
    changes = {"status": BatchStatus.STOPPING.value, "updated_at": text_of(platform.now())}
    stopping = platform.batch_jobs.change(job.id, changes, only_if={"status": [job.status], "attempt": [job.attempt]})
    if stopping is not None and stopping.transform_job and job.state is not BatchStatus.QUEUED_FOR_CAPACITY:
        ask_to_stop(platform.transform_jobs, stopping.transform_job, pause)
    return stopping


def restart_batch_job(platform: Platform, batch_id: str) -> BatchJob:
    """A new attempt: only objects without a result are sent.

    Raises NotFound (`batch_job.unknown`, `model.deleted`), Conflict (`batch.not_restartable`, `model.being_deleted`),
    BudgetExceeded, TransientError (`model.busy`).
    """
    job = find_batch_job(platform, batch_id)
    if job.status in RESTARTABLE:
        admit(platform, job.project, Ask(job.id, transforms_of(job).at_most, at_least=job.attempt + 1))
        claim_model(platform, job.model, job.id, job.attempt + 1)
    gone = ("transform_job", "input_count", "done_count", "skipped_counts", "started_at", "queued_since", "final_status", "report")
    earlier = [*job.earlier_runs, *kept_runs([batch_run(job)], platform.now())]
    restarted = begin_anew(platform, platform.batch_jobs, job, RESTARTABLE, gone, earlier_runs=earlier)
    if restarted is None:
        raise Conflict(
            "batch.not_restartable",
            f"A batch job that is {find_batch_job(platform, batch_id).status} cannot be restarted.",
            hint="Only failed, stopped and timed-out ones can.",
        )
    return _start(platform, restarted)
