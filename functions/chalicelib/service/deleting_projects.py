"""Delete a project: marked by the request, deleted by the state machine `delete` once nobody can be left who has not seen the mark.

Of the data bucket nothing is touched: a drop that comes afterwards makes a new project, as a first one does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

from chalicelib.domain.evaluation import evaluations_of
from chalicelib.domain.model import Model, models_of
from chalicelib.domain.project import Project
from chalicelib.domain.times import moment_of, text_of
from chalicelib.ports import Platform
from chalicelib.service.deleting import HasTime, delete_version
from chalicelib.service.deleting_models import delete_model
from chalicelib.service.deleting_parts import delete_batch_jobs, delete_datasets, delete_rest, delete_services, delete_tasks
from chalicelib.service.finding import find_project, listed
from chalicelib.service.project_uses import uses_of_project
from droplearn.contracts.errors import Conflict, InvalidRequest, TransientError

WRITERS_S = 120
"""Longer than any Lambda may run that begins something, or indexes: 60 s. Who read the project before the mark is over by then."""
HELD_S = 960
"""Longer than the Lambda may run: who is cut off cannot give it back."""
SHOWN = 5


def ask_to_delete_project(platform: Platform, name: str, confirm: str) -> Project:
    """Twice is as good as once.

    Raises NotFound (`project.unknown`), InvalidRequest (`project.not_confirmed`), Conflict (`project.in_use`).
    """
    project = find_project(platform, name)
    if confirm != name:
        raise InvalidRequest("project.not_confirmed", "The project's name is not confirmed.", hint=f"Add ?confirm={name}.")
    if project.deleting_since is None:
        if uses := uses_of_project(platform, name):
            raise _in_use(name, uses)
        mark = {"deleting_since": text_of(platform.now()), "deletion_problem": None}
        project = platform.projects.change(name, mark, only_if={"deleting_since": [None]}) or find_project(platform, name)
    start_deletion(platform, project)
    return project


def start_deletion(platform: Platform, project: Project) -> None:
    """Each request may, since the one before may have failed. Names of executions have fewer letters than names of projects."""
    name = f"project-{sha256(project.name.encode()).hexdigest()[:16]}-{platform.now():%Y%m%d%H%M%S%f}"
    platform.executions.start("delete", name, {"project": project.name, "wait_s": _wait_s(platform, project)})


def _wait_s(platform: Platform, project: Project) -> int:
    since = moment_of(project.deleting_since) if project.deleting_since else platform.now()
    return max(0, int((since + timedelta(seconds=WRITERS_S) - platform.now()).total_seconds()) + 1)


def _in_use(name: str, uses: list[str]) -> Conflict:
    more = f" and {len(uses) - SHOWN} more" if len(uses) > SHOWN else ""
    told = f"In project {name!r} these still run: {', '.join(uses[:SHOWN])}{more}."
    return Conflict("project.in_use", told, hint="Stop them, or wait until they are over.", details={"used_by": uses})


def delete_project(platform: Platform, name: str, has_time: HasTime) -> bool:
    """False: time is short, and there is more. What began at the same moment as the deletion goes on: then that is given up.

    Raises TransientError (`project.deletion_waits`).
    """
    project = platform.projects.get(name)
    if project is None or project.deleting_since is None:
        return True
    if _wait_s(platform, project) > 1:
        raise _waits("somebody may not have seen yet that the project is being deleted")
    if not project.is_deletion_begun and (uses := uses_of_project(platform, name)):
        _give_up(platform, project, uses)
        return True
    _take(platform, project)
    is_done = False
    try:
        is_done = all(step() for step in _steps(platform, name, has_time))
    finally:
        if not is_done:
            platform.projects.change(name, {"deleted_until": None})
    if is_done:
        platform.projects.remove(name)
    return is_done


def _steps(platform: Platform, name: str, has_time: HasTime) -> list[Callable[[], bool]]:
    return [
        lambda: all(_delete_model(platform, model, has_time) for model in listed(platform.models, models_of(name))),
        lambda: delete_batch_jobs(platform, name, has_time),
        lambda: delete_services(platform, name, has_time),
        lambda: delete_tasks(platform, name, has_time),
        lambda: delete_datasets(platform, name, has_time),
        lambda: delete_rest(platform, name, has_time),
    ]


def _give_up(platform: Platform, project: Project, uses: list[str]) -> None:
    """By now lists show all that there is."""
    changes = {"deleting_since": None, "deletion_problem": _in_use(project.name, uses).message}
    platform.projects.change(
        project.name, changes, only_if={"deleting_since": [project.deleting_since], "is_deletion_begun": [False, None]}
    )


def _take(platform: Platform, project: Project) -> None:
    """One at a time: the last of two would find a new project of this name, and delete that as well."""
    now = platform.now()
    is_taken = project.deleted_until is not None and project.deleted_until > text_of(now)
    changes = {"is_deletion_begun": True, "deleted_until": text_of(now + timedelta(seconds=HELD_S))}
    unchanged = {"deleting_since": [project.deleting_since], "deleted_until": [project.deleted_until]}
    if is_taken or platform.projects.change(project.name, changes, only_if=unchanged) is None:
        raise _waits("another one is deleting it")


def _waits(why: str) -> TransientError:
    return TransientError("project.deletion_waits", f"Not yet: {why}.", hint="It is tried again.")


def _delete_model(platform: Platform, model: Model, has_time: HasTime) -> bool:
    evaluations = listed(platform.evaluations, evaluations_of(model.id))
    if not all(delete_version(platform, model.project, one.dataset_version, has_time) for one in evaluations):
        return False
    platform.models.change(model.id, {"deleting_since": text_of(platform.now())})
    return delete_model(platform, model.id, has_time)
