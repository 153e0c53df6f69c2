"""Get it or say that it is not there."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.domain.batch_job import BatchJob
from chalicelib.domain.dataset import Dataset
from chalicelib.domain.evaluation import Evaluation
from chalicelib.domain.model import Model
from chalicelib.domain.project import Project
from chalicelib.domain.records import R
from chalicelib.domain.service import Service
from chalicelib.domain.task import Task
from chalicelib.ports import Platform, Records
from droplearn.contracts.errors import Conflict, NotFound
from droplearn.contracts.ids import task_id_of

_PAGE = 100


def find(records: Records[R], key: str, what: str) -> R:
    """Raises NotFound (`<what>.unknown`)."""
    found = records.get(key)
    if found is None:
        named = what.replace("_", " ")
        raise NotFound(f"{what}.unknown", f"There is no {named} {key!r}.", hint=f"Check the {named}'s name or id.")
    return found


def listed(records: Records[R], listed_in: str) -> Iterator[R]:
    """A whole listing, page by page."""
    cursor: str | None = None
    while True:
        page = records.page(listed_in, _PAGE, cursor)
        yield from page.items
        if (cursor := page.cursor) is None:
            return


def find_project(platform: Platform, name: str) -> Project:
    """Raises NotFound (`project.unknown`)."""
    return find(platform.projects, name, "project")


def find_open_project(platform: Platform, name: str) -> Project:
    """One in which something may begin. Raises NotFound (`project.unknown`), Conflict (`project.being_deleted`)."""
    found = find_project(platform, name)
    if found.deleting_since:
        told = f"Project {name!r} is being deleted."
        raise Conflict("project.being_deleted", told, hint="Wait until it is gone; a new one may have its name then.")
    return found


def find_dataset(platform: Platform, project: str, name: str) -> Dataset:
    """Raises NotFound (`dataset.unknown`)."""
    return find(platform.datasets, f"{project}/{name}", "dataset")


def find_task(platform: Platform, task_id: str) -> Task:
    """Raises NotFound (`task.unknown`)."""
    return find(platform.tasks, task_id, "task")


def find_model(platform: Platform, model_id: str) -> Model:
    """Raises NotFound (`model.unknown`, `model.deleted`)."""
    if (known := platform.models.get(model_id)) is not None:
        return known
    task = platform.tasks.get(task_id_of(model_id))
    if task is not None and task.model_deleted_at:
        told = f"Model {model_id} was deleted (asked for at {task.model_deleted_at})."
        raise NotFound("model.deleted", told, hint="Choose another model, or train one.")
    return find(platform.models, model_id, "model")


def find_evaluation(platform: Platform, evaluation_id: str) -> Evaluation:
    """Raises NotFound (`evaluation.unknown`)."""
    return find(platform.evaluations, evaluation_id, "evaluation")


def find_service(platform: Platform, service_id: str) -> Service:
    """Raises NotFound (`service.unknown`)."""
    return find(platform.services, service_id, "service")


def find_batch_job(platform: Platform, batch_id: str) -> BatchJob:
    """Raises NotFound (`batch_job.unknown`)."""
    return find(platform.batch_jobs, batch_id, "batch_job")
