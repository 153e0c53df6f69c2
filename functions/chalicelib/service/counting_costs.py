"""What of a project costs something this month: its tasks, services, batch jobs, and the evaluations that people asked for.

Lists are read newest first, as far back as anything may still run; what was admitted later than that stands in a list of its own, and what
was admitted a moment ago is read by its id, since lists may be behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Protocol

from chalicelib.domain.batch_job import BatchJob, batch_jobs_of
from chalicelib.domain.budget import HOLD_S, LOOK_BACK_DAYS, Admission, Hold, admissions_of, month_of
from chalicelib.domain.evaluation import Evaluation
from chalicelib.domain.service import Service, services_of
from chalicelib.domain.task import Task, tasks_of
from chalicelib.domain.times import moment_of, text_of
from chalicelib.domain.uses import (
    SERVERLESS,
    Hours,
    Use,
    together,
    use_of_batch_job,
    use_of_deleted,
    use_of_evaluation,
    use_of_service,
    use_of_task,
)
from chalicelib.ports import Platform, Records
from chalicelib.service.billed_jobs import evaluation_job, task_jobs
from chalicelib.service.finding import find_project

_PAGE = 100
Costly = Task | Service | BatchJob | Evaluation | Admission


def uses_of(platform: Platform, project: str, holds: Iterable[Hold], now: datetime) -> Iterator[Use]:
    """One for each of them. What no record shows yet of the holds is reserved."""
    month, fresh = month_of(now), [hold for hold in holds if is_fresh(hold, now)]
    found = _costly(platform, project, [hold["subject"] for hold in fresh], month)
    scenarios = _scenarios(platform, project, found.values())
    answered = _answered(platform, found.values(), month, now)
    uses = {id_: _use_of(record, scenarios, answered, month, now) for id_, record in found.items()}
    for hold in fresh:
        subject = hold["subject"]
        if not is_done(hold, found.get(subject)):
            known = uses.get(subject, Use(subject, {}, {}))
            uses[subject] = known._replace(reserved=together([known.reserved, hold["hours"]]))
    yield from uses.values()


def is_fresh(hold: Hold, now: datetime) -> bool:
    """It still counts."""
    return now - moment_of(hold["at"]) < timedelta(seconds=HOLD_S)


def is_done(hold: Hold, record: object | None) -> bool:
    """The record shows what was admitted, and counts by itself."""
    return record is not None and getattr(record, hold["field"]) >= hold["at_least"]


def read_costly(platform: Platform, ids: Iterable[str]) -> dict[str, Costly]:
    """Strongly consistent; what is not there is left out."""
    kinds: dict[str, Records[Any]] = {
        "task": platform.tasks,
        "service": platform.services,
        "batch": platform.batch_jobs,
        "eval": platform.evaluations,
    }
    wanted = set(ids)
    found: dict[str, Costly] = {}
    for kind, records in kinds.items():
        if of_kind := [id_ for id_ in wanted if id_.startswith(f"{kind}-")]:
            found |= records.get_many(of_kind)
    return found


def _costly(platform: Platform, project: str, admitted: Iterable[str], month: datetime) -> dict[str, Costly]:
    """`admitted`: a moment ago; lists may be behind."""
    since = text_of(month - timedelta(days=LOOK_BACK_DAYS))
    found: dict[str, Costly] = {task.id: task for task in _newest(platform.tasks, tasks_of(project), since)}
    found |= {service.id: service for service in _newest(platform.services, services_of(project), since)}
    found |= {job.id: job for job in _newest(platform.batch_jobs, batch_jobs_of(project), since)}
    admissions = list(_newest(platform.admissions, admissions_of(project), since))
    unlisted = {admission.subject for admission in admissions} - set(found)
    found |= read_costly(platform, unlisted.union(admitted))
    return {a.subject: a for a in admissions if a.run and a.subject not in found} | found  # what is deleted counts by what was kept


def _scenarios(platform: Platform, project: str, records: Iterable[Costly]) -> dict[str, str]:
    """Of the models that were evaluated; of one that is not there any more, its project's."""
    models = {record.model for record in records if isinstance(record, Evaluation)}
    if not models:
        return {}
    known = {model.id: model.scenario for model in platform.models.get_many(models).values()}
    return dict.fromkeys(models, find_project(platform, project).scenario) | known


class _Dated(Protocol):
    @property
    def created_at(self) -> str: ...


def _newest(records: Records[Any], listed_in: str, since: str) -> Iterator[Any]:
    cursor: str | None = None
    while True:
        page = records.page(listed_in, _PAGE, cursor, is_newest_first=True)
        for record in page.items:
            if _when(record) < since:
                return
            yield record
        if (cursor := page.cursor) is None:
            return


def _when(record: _Dated | Admission) -> str:
    return record.admitted_at if isinstance(record, Admission) else record.created_at


def _use_of(record: Costly, scenarios: dict[str, str], answered: dict[str, Hours], month: datetime, now: datetime) -> Use:
    if isinstance(record, Task):
        return use_of_task(record, task_jobs(record.scenario, record.settings), month, now)
    if isinstance(record, BatchJob):
        return use_of_batch_job(record, month, now)
    if isinstance(record, Service):
        return use_of_service(record, month, now, answered.get(record.id, {}))
    if isinstance(record, Admission):
        return use_of_deleted(record.subject, record.run or {}, month, now)
    return use_of_evaluation(record, evaluation_job(scenarios[record.model]), month, now)


def _answered(platform: Platform, records: Iterable[Costly], month: datetime, now: datetime) -> dict[str, Hours]:
    """Of the serverless services that have run this month, by CloudWatch, all in one request."""
    services = [r for r in records if isinstance(r, Service) and r.serverless and _has_run_since(r, month)]
    if not services:
        return {}
    seconds = platform.service_metrics.answering_s({service.id: service.all_variants for service in services}, month, now)
    return {s.id: {SERVERLESS: s.serverless["memory_mb"] / 1024 * seconds[s.id] / 3600} for s in services if s.serverless}


def _has_run_since(service: Service, month: datetime) -> bool:
    return service.running_since is not None and (service.ended_at is None or moment_of(service.ended_at) > month)
