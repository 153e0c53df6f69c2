"""What uses a model now: what runs with it, and what is about to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from chalicelib.domain.batch_job import batch_jobs_of
from chalicelib.domain.evaluation import Evaluation, evaluations_of
from chalicelib.domain.model import BEGUN_WITHIN_S, Claim, Model
from chalicelib.domain.service import LiveService, Service
from chalicelib.domain.service_version import ServiceUpdate, number_of, variant_of
from chalicelib.domain.task import Task, tasks_of
from chalicelib.domain.times import moment_of
from chalicelib.ports import Platform, Records
from chalicelib.service.finding import listed
from chalicelib.service.model_claims import fresh_claims
from chalicelib.service.versions import version_of
from droplearn.contracts.status import EvaluationStatus


def uses_of_model(platform: Platform, model: Model) -> list[str]:
    """Ids: of running tasks (its own, and those that continue from it), evaluations, services, batch jobs, trials."""
    found = [*_claimed(platform, model), *_tasks(platform, model), *_evaluations(platform, model)]
    return list(dict.fromkeys([*found, *_services(platform, model), *_batch_jobs(platform, model)]))


def _claimed(platform: Platform, model: Model) -> Iterator[str]:
    for claim in fresh_claims(model, platform.now()):
        record = _record(platform, claim["subject"])
        if record is None or getattr(record, "attempt", claim["attempt"]) < claim["attempt"]:
            if _is_about_to(platform, claim):
                yield claim["subject"]
        elif used := _used_by(platform, record, model):
            yield used


def _is_about_to(platform: Platform, claim: Claim) -> bool:
    """Else whoever claimed it died before there was a record."""
    return platform.now() - moment_of(claim["at"]) < timedelta(seconds=BEGUN_WITHIN_S)


def _record(platform: Platform, id_: str) -> Any:
    """None also of what leaves no record."""
    kinds: dict[str, Records[Any]] = {
        "task": platform.tasks,
        "eval": platform.evaluations,
        "service": platform.services,
        "update": platform.service_updates,
        "batch": platform.batch_jobs,
        "trial": platform.trial_calls,
        "preview": platform.preview_links,
    }
    records = kinds.get(id_.split("-", 1)[0])
    return records.get(id_) if records is not None else None


def _used_by(platform: Platform, record: Any, model: Model) -> str | None:
    """The id of what uses the model; trials that were answered and links do not."""
    if isinstance(record, ServiceUpdate):
        service = platform.services.get(record.service)
        return service.id if service is not None and _is_service_of(platform, service, model) else None
    if isinstance(record, Service):
        return record.id if _is_service_of(platform, record, model) else None
    state = getattr(record, "state", None) or (EvaluationStatus(record.status) if isinstance(record, Evaluation) else None)
    return record.id if state is not None and not state.is_terminal else None


def _tasks(platform: Platform, model: Model) -> Iterator[str]:
    own = platform.tasks.get(model.task)
    if own is not None and not own.state.is_terminal:
        yield own.id
    yield from (task.id for task in listed(platform.tasks, tasks_of(model.project)) if _continues(task, model))


def _continues(task: Task, model: Model) -> bool:
    return task.settings.get("base_model") == model.id and not task.state.is_terminal


def _evaluations(platform: Platform, model: Model) -> Iterator[str]:
    found = listed(platform.evaluations, evaluations_of(model.id))
    return (evaluation.id for evaluation in found if not EvaluationStatus(evaluation.status).is_terminal)


def _services(platform: Platform, model: Model) -> Iterator[str]:
    """Of all that live there are never many."""
    for live in listed(platform.live_services, LiveService.LISTED_IN):
        service = platform.services.get(live.id)
        if service is not None and _is_service_of(platform, service, model):
            yield service.id


def _is_service_of(platform: Platform, service: Service, model: Model) -> bool:
    """By a version that answers, or one that is on its way."""
    if service.state.is_terminal or service.project != model.project:
        return False
    names = {*service.weights, *([variant_of(service.version_count)] if service.updating else [])}
    return service.model == model.id or any(version_of(platform, service, number_of(name)).model == model.id for name in names)


def _batch_jobs(platform: Platform, model: Model) -> Iterator[str]:
    found = listed(platform.batch_jobs, batch_jobs_of(model.project))
    return (job.id for job in found if job.model == model.id and not job.state.is_terminal)
