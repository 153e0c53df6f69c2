"""What runs in a project."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.domain.batch_job import batch_jobs_of
from chalicelib.domain.evaluation import evaluations_of
from chalicelib.domain.model import models_of
from chalicelib.domain.service import LiveService
from chalicelib.domain.task import tasks_of
from chalicelib.ports import Platform
from chalicelib.service.finding import listed
from droplearn.contracts.status import EvaluationStatus


def uses_of_project(platform: Platform, project: str) -> list[str]:
    """Ids of tasks, batch jobs, services and evaluations, as lists show them."""
    tasks = (task.id for task in listed(platform.tasks, tasks_of(project)) if not task.state.is_terminal)
    jobs = (job.id for job in listed(platform.batch_jobs, batch_jobs_of(project)) if not job.state.is_terminal)
    return [*tasks, *jobs, *_services(platform, project), *_evaluations(platform, project)]


def _services(platform: Platform, project: str) -> Iterator[str]:
    """Also those that are over while their endpoint is not gone: the sweep knows them by their record."""
    for live in listed(platform.live_services, LiveService.LISTED_IN):
        service = platform.services.get(live.id)
        if service is None or service.project != project:
            continue
        if not service.state.is_terminal or (service.serving == "endpoint" and platform.endpoints.state(service.id) is not None):
            yield service.id


def _evaluations(platform: Platform, project: str) -> Iterator[str]:
    for model in listed(platform.models, models_of(project)):
        for evaluation in listed(platform.evaluations, evaluations_of(model.id)):
            if not EvaluationStatus(evaluation.status).is_terminal:
                yield evaluation.id
