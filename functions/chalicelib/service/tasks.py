"""Start, stop and restart tasks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.domain.project import Project
from chalicelib.domain.task import RESTARTABLE, STOPPED_BEFORE_TRAINING, Task
from chalicelib.domain.times import text_of
from chalicelib.domain.uses import kept_runs, task_runs
from chalicelib.ports import Platform
from chalicelib.service.attempts import TRIES, ask_to_stop, begin_anew, end_at_once, start
from chalicelib.service.billed_jobs import task_jobs
from chalicelib.service.budgets import Ask, admit
from chalicelib.service.finding import find_dataset, find_model, find_open_project, find_task
from chalicelib.service.model_claims import check_stays, claim_model
from chalicelib.service.requests import id_of_request
from droplearn.contracts.errors import Conflict, InvalidRequest
from droplearn.contracts.ids import check_name, new_id
from droplearn.contracts.status import TaskStatus
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios import scenario_named


@dataclass(frozen=True)
class TaskOrder:
    """What a caller wants. `request_key` and `caller` are for double clicks."""

    project: str
    dataset: str
    settings: TaskSettings
    name: str | None = None
    is_deployed_when_done: bool = False
    request_key: str | None = None
    caller: str = ""


def create_task(platform: Platform, order: TaskOrder) -> Task:
    """Keeps the task, then starts its execution.

    Raises NotFound (`project.unknown`, `dataset.unknown`, `model.unknown`, `model.deleted`), InvalidRequest (`name.invalid`,
    `preset.unknown`, `option.unknown`, `option.invalid`, `labels.too_few`, `optimisation.unsupported`, `base_model.wrong_project`),
    Conflict (`idempotency.mismatch`, `model.being_deleted`), BudgetExceeded, TransientError (`model.busy`).
    """
    project = check_task(platform, order)
    asked = f"{order.dataset}\n{order.settings.model_dump_json()}\n{order.name}\n{order.is_deployed_when_done}"
    scope = f"{order.caller}#tasks#{order.project}#{project.created_at}"  # an earlier one of this name had tasks of its own
    task_id = id_of_request(platform, scope=scope, key=order.request_key, asked=asked, id_to_make=new_id("task"))
    task = _new_task(platform, project, order, task_id)
    admit(platform, order.project, Ask(task_id, task_jobs(task.scenario, task.settings).at_most))
    _claim_base(platform, task, task.attempt)
    platform.tasks.add(task)
    return _start(platform, find_task(platform, task_id))


def _claim_base(platform: Platform, task: Task, attempt: int) -> None:
    """The model that it continues from."""
    if (base := task.settings.get("base_model")) is not None:
        claim_model(platform, base, task.id, attempt)


def check_task(platform: Platform, order: TaskOrder) -> Project:
    """Nothing is made. Raises as create_task."""
    project = find_open_project(platform, order.project)
    find_dataset(platform, order.project, order.dataset)
    _check(platform, project, order)
    return project


def _new_task(platform: Platform, project: Project, order: TaskOrder, task_id: str) -> Task:
    now = text_of(platform.now())
    return Task(
        id=task_id,
        project=order.project,
        dataset=order.dataset,
        scenario=project.scenario,
        settings=order.settings.model_dump(mode="json", exclude_none=True),
        status=TaskStatus.CREATED.value,
        created_at=now,
        updated_at=now,
        name=order.name,
        is_deployed_when_done=order.is_deployed_when_done,
    )


def _check(platform: Platform, project: Project, order: TaskOrder) -> None:
    if order.name is not None:
        check_name(order.name, "task")
    scenario = scenario_named(project.scenario)
    scenario.check_options(order.settings.options)
    scenario.check_labels(order.settings.labels)
    scenario.check_variants(order.settings.optimise.variants)
    presets = scenario.spec.presets
    if order.settings.preset not in presets:
        raise InvalidRequest(
            "preset.unknown", f"{project.scenario} has no preset {order.settings.preset!r}.", hint=f"Choose one of: {', '.join(presets)}."
        )
    if order.settings.base_model is not None:
        base = find_model(platform, order.settings.base_model)
        if base.project != project.name or base.scenario != project.scenario:
            raise InvalidRequest(
                "base_model.wrong_project",
                f"Model {base.id} belongs to another project.",
                hint="Continue from a model of the same project.",
            )
        check_stays(platform, base)


def _start(platform: Platform, task: Task) -> Task:
    return start(platform, platform.tasks, task, "learn", {"task_id": task.id, "attempt": task.attempt, "try": 1})


def stop_task(platform: Platform, task_id: str, pause: Callable[[float], None] = time.sleep) -> Task:
    """Ends a task that has not begun to train; asks one that trains to keep its best model and end. Twice is as good as once, and one
    that is over stays as it is.

    Raises NotFound (`task.unknown`), Conflict (`task.not_stoppable`, `task.busy`).
    """
    for _ in range(TRIES):
        task = find_task(platform, task_id)
        if task.state.is_terminal:
            return task
        if task.state in (TaskStatus.OPTIMISING, TaskStatus.EVALUATING):
            raise Conflict(
                "task.not_stoppable", f"The training is over and its model is kept; it is {task.status}.", hint="Wait for it to end."
            )
        if task.status in STOPPED_BEFORE_TRAINING:
            cause = "The task was stopped by its user."
            stopped = end_at_once(platform, platform.tasks, task, cause, is_stop_requested=True)
        else:
            stopped = _stop_training(platform, task, pause)
        if stopped is not None:
            return stopped
    raise Conflict("task.busy", "The task changes its state too fast to be stopped.", hint="Try again in some seconds.")


def _stop_training(platform: Platform, task: Task, pause: Callable[[float], None]) -> Task | None:
    changes = {"status": TaskStatus.STOPPING.value, "is_stop_requested": True, "updated_at": text_of(platform.now())}
    stopping = platform.tasks.change(task.id, changes, only_if={"status": [task.status], "attempt": [task.attempt]})
    if stopping is not None and stopping.training_job:
        ask_to_stop(platform.training_jobs, stopping.training_job, pause)
    return stopping


def restart_task(platform: Platform, task_id: str) -> Task:
    """A new attempt, which goes on from the last checkpoint.

    Raises NotFound (`task.unknown`, `model.deleted`), Conflict (`task.not_restartable`, `task.model_deleted`, `project.being_deleted`,
    `model.being_deleted`), BudgetExceeded, TransientError (`model.busy`).
    """
    task = find_task(platform, task_id)
    if task.model_deleted_at:
        raise Conflict("task.model_deleted", "The task's model was deleted, and its checkpoints with it.", hint="Start a new task.")
    jobs = task_jobs(task.scenario, task.settings)
    if task.status in RESTARTABLE:
        admit(platform, task.project, Ask(task.id, jobs.at_most, at_least=task.attempt + 1))
    gone = ["training_job", "optimisation_job", "queued_since", "training_started_at", "training_ended_at", "final_status"]
    gone += ["evaluation", "metrics"]
    earlier = [*task.earlier_runs, *kept_runs(task_runs(task, jobs), platform.now())]
    find_open_project(platform, task.project)
    _claim_base(platform, task, task.attempt + 1)
    unless = ["model_deleted_at"]
    restarted = begin_anew(platform, platform.tasks, task, RESTARTABLE, gone, unless, is_stop_requested=False, earlier_runs=earlier)
    if restarted is None:
        raise Conflict(
            "task.not_restartable",
            f"A task that is {find_task(platform, task_id).status} cannot be restarted.",
            hint="Only failed, stopped and timed-out tasks can.",
        )
    return _start(platform, restarted)
