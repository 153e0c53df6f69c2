"""`/v1/projects/{project}/tasks` and `/v1/tasks/{task}`."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from chalicelib.api.calling import caller, require
from chalicelib.api.parameters import Cursor, Limit, RequestKey
from chalicelib.api.task_views import MetricsView, TaskEstimateView, TaskPage, TaskView
from chalicelib.api.views import LogLineView, LogPage
from chalicelib.bootstrap import platform
from chalicelib.domain.prices import prices
from chalicelib.domain.task import Task, tasks_of
from chalicelib.service import estimating, tasks
from chalicelib.service.finding import find_project, find_task
from chalicelib.service.task_metrics import read_metrics
from droplearn.contracts.document import Part
from droplearn.contracts.ids import Name
from droplearn.contracts.status import Permission
from droplearn.contracts.training import TaskSettings

router: Router = Router()  # type: ignore[no-untyped-call]


class NewTask(Part):
    """A task to be. `deploy`: its model becomes a service when the task is done."""

    dataset: Name
    name: Name | None = None
    settings: TaskSettings = TaskSettings()
    deploy: bool = False


def _order(project: str, task: NewTask, request_key: str | None = None) -> tasks.TaskOrder:
    return tasks.TaskOrder(
        project=project,
        dataset=task.dataset,
        settings=task.settings,
        name=task.name,
        is_deployed_when_done=task.deploy,
        request_key=request_key,
        caller=caller().id,
    )


@router.post("/v1/projects/<project>/tasks", status_code=202, summary="Start a task", tags=["tasks"])
def create_task(project: str, task: NewTask, request_key: RequestKey = None) -> TaskView:
    """Freezes the dataset and trains. Needs TrainModel (with `deploy` also DeployService)."""
    require(Permission.TRAIN_MODEL, project)
    if task.deploy:
        require(Permission.DEPLOY_SERVICE, project)
    return TaskView.model_validate(tasks.create_task(platform(), _order(project, task, request_key)))


@router.post("/v1/projects/<project>/tasks/estimate", summary="Estimate what a task would cost", tags=["tasks"])
def estimate_task(project: str, task: NewTask) -> TaskEstimateView:
    """At the most: training, optimisation and evaluation, each up to its limit, without a deployment. Takes what the start takes, refuses
    what it would refuse but for a budget, and makes nothing. Needs ListProject.
    """
    require(Permission.LIST_PROJECT, project)
    table = prices(platform().settings.instance_prices)
    return TaskEstimateView.model_validate(estimating.estimate_task(platform(), _order(project, task), table))


@router.get("/v1/projects/<project>/tasks", summary="List a project's tasks", tags=["tasks"])
def list_tasks(project: str, limit: Limit = 100, cursor: Cursor = None) -> TaskPage:
    """Newest first. Needs ListProject."""
    require(Permission.LIST_PROJECT, project)
    find_project(platform(), project)
    page = platform().tasks.page(tasks_of(project), limit, cursor, is_newest_first=True)
    return TaskPage(tasks=[TaskView.model_validate(t) for t in page.items], next_cursor=page.cursor)


def _task(task_id: str, point: Permission) -> Task:
    found = find_task(platform(), task_id)
    require(point, found.project)
    return found


@router.get("/v1/tasks/<task>", summary="Get a task", tags=["tasks"])
def get_task(task: str) -> TaskView:
    """Needs ListProject."""
    return TaskView.model_validate(_task(task, Permission.LIST_PROJECT))


@router.post("/v1/tasks/<task>/stop", status_code=202, summary="Stop a task", tags=["tasks"])
def stop_task(task: str) -> TaskView:
    """One that trains keeps its best model. A task that is over stays as it is. Needs TrainModel."""
    _task(task, Permission.TRAIN_MODEL)
    return TaskView.model_validate(tasks.stop_task(platform(), task))


@router.post("/v1/tasks/<task>/restart", status_code=202, summary="Restart a task", tags=["tasks"])
def restart_task(task: str) -> TaskView:
    """A new attempt that goes on from the last checkpoint. Needs TrainModel."""
    _task(task, Permission.TRAIN_MODEL)
    return TaskView.model_validate(tasks.restart_task(platform(), task))


@router.get("/v1/tasks/<task>/metrics", summary="Get a task's metrics", tags=["tasks"])
def get_metrics(task: str) -> MetricsView:
    """While it trains, too. Needs ListProject."""
    return MetricsView.model_validate(read_metrics(platform(), _task(task, Permission.LIST_PROJECT)))


@router.get("/v1/tasks/<task>/logs", summary="Read a task's log", tags=["tasks"])
def get_logs(
    task: str,
    limit: Limit = 1000,
    cursor: Cursor = None,
    contains: Annotated[str, Query(max_length=200, description="Only lines with this text")] = "",
) -> LogPage:
    """Of all attempts, oldest first; a page may be shorter than `limit`. Needs ListProject."""
    found = _task(task, Permission.LIST_PROJECT)
    page = platform().job_logs.page(found.training_jobs, limit, cursor, contains=contains)
    return LogPage(lines=[LogLineView.model_validate(line) for line in page.items], next_cursor=page.cursor)
