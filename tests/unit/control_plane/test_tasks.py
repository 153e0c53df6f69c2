"""Start, stop and restart tasks."""

from __future__ import annotations

import pytest

from chalicelib.ports import TrainingJob
from chalicelib.service.tasks import TaskOrder, create_task, restart_task, stop_task
from droplearn.contracts.errors import Conflict, InvalidRequest, NotFound, Throttled
from droplearn.contracts.training import TaskSettings
from tests.unit.control_plane.things import DATASET, PROJECT, a_model, a_platform, a_task


def order(**fields) -> TaskOrder:
    return TaskOrder(**({"project": PROJECT, "dataset": DATASET, "settings": TaskSettings()} | fields))


def no_pause(_seconds: float) -> None:
    """Tests do not sleep."""


def test_a_created_task_is_kept_and_its_execution_is_named_after_id_and_attempt():
    platform = a_platform()
    task = create_task(platform, order())
    assert platform.tasks.get(task.id).status == "CREATED"
    assert platform.executions.started == [("learn", f"{task.id}-a1", {"task_id": task.id, "attempt": 1, "try": 1})]
    assert task.execution == f"arn:execution:learn:{task.id}-a1"


def test_a_double_click_makes_one_task():
    platform = a_platform()
    first, second = (create_task(platform, order(request_key="k", caller="me")) for _ in range(2))
    assert first.id == second.id
    assert len(platform.executions.started) == 1


def test_a_request_that_was_cut_off_is_finished_when_it_comes_again():
    platform = a_platform()
    platform.executions.broken = SystemExit()
    with pytest.raises(SystemExit):
        create_task(platform, order(request_key="k", caller="me"))
    platform.executions.broken = None
    task = create_task(platform, order(request_key="k", caller="me"))
    assert platform.executions.started[0][1] == f"{task.id}-a1"
    assert list(platform.tasks.known) == [task.id]


def test_one_key_for_two_different_requests_is_refused():
    platform = a_platform()
    create_task(platform, order(request_key="k", caller="me"))
    with pytest.raises(Conflict, match=r"idempotency\.mismatch"):
        create_task(platform, order(request_key="k", caller="me", settings=TaskSettings(seed=1)))


def test_the_same_key_of_another_caller_makes_another_task():
    platform = a_platform()
    made = {create_task(platform, order(request_key="k", caller=who)).id for who in ("me", "you")}
    assert len(made) == 2


@pytest.mark.parametrize(
    ("fields", "error", "code"),
    [
        ({"project": "nowhere"}, NotFound, "project.unknown"),
        ({"dataset": "nothing"}, NotFound, "dataset.unknown"),
        ({"name": "no/slash"}, InvalidRequest, "name.invalid"),
        ({"settings": TaskSettings(base_model="model-none")}, NotFound, "model.unknown"),
    ],
)
def test_a_task_that_makes_no_sense_is_refused_before_it_is_kept(fields, error, code):
    platform = a_platform()
    with pytest.raises(error) as refused:
        create_task(platform, order(**fields))
    assert refused.value.code == code
    assert not platform.tasks.known


def test_a_base_model_of_another_project_is_refused():
    platform = a_platform()
    base = a_model(platform, project="elsewhere")
    with pytest.raises(InvalidRequest, match=r"base_model\.wrong_project"):
        create_task(platform, order(settings=TaskSettings(base_model=base.id)))


def test_a_task_whose_execution_cannot_be_started_has_failed_and_does_not_hang():
    platform = a_platform()
    platform.executions.broken = Throttled("aws.throttled", "Slow down.")
    with pytest.raises(Throttled):
        create_task(platform, order())
    (task,) = platform.tasks.known.values()
    assert (task.status, task.error["code"]) == ("FAILED", "aws.throttled")


@pytest.mark.parametrize("status", ["CREATED", "PREPARING", "QUEUED_FOR_CAPACITY"])
def test_a_task_that_has_not_begun_to_train_is_stopped_at_once(status):
    platform = a_platform()
    task = a_task(platform, status)
    assert stop_task(platform, task.id, no_pause).status == "STOPPED"
    assert platform.executions.stopped == [task.execution]


def test_a_training_task_is_asked_to_end_and_keeps_its_execution():
    platform = a_platform()
    task = a_task(platform, "TRAINING", training_job="job")
    platform.training_jobs.known["job"] = TrainingJob("job", "InProgress")
    assert stop_task(platform, task.id, no_pause).status == "STOPPING"
    assert platform.training_jobs.stopped == ["job"]
    assert platform.executions.stopped == []


def test_a_stop_waits_for_a_job_that_is_just_being_created():
    platform = a_platform()
    task = a_task(platform, "TRAINING", training_job="job")

    def job_appears(_seconds: float) -> None:
        platform.training_jobs.known["job"] = TrainingJob("job", "InProgress")

    stop_task(platform, task.id, job_appears)
    assert platform.training_jobs.stopped == ["job"]


def test_a_second_stop_changes_nothing():
    platform = a_platform()
    task = a_task(platform, "TRAINING", training_job="job")
    platform.training_jobs.known["job"] = TrainingJob("job", "InProgress")
    stop_task(platform, task.id, no_pause)
    assert stop_task(platform, task.id, no_pause).status == "STOPPING"
    assert platform.training_jobs.stopped == ["job"]


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "STOPPED"])
def test_a_task_that_is_over_stays_as_it_is(status):
    platform = a_platform()
    task = a_task(platform, status)
    assert stop_task(platform, task.id, no_pause).status == status


def test_a_task_in_evaluation_cannot_be_stopped():
    platform = a_platform()
    task = a_task(platform, "EVALUATING")
    with pytest.raises(Conflict, match=r"task\.not_stoppable"):
        stop_task(platform, task.id, no_pause)


@pytest.mark.parametrize("status", ["FAILED", "STOPPED", "STOPPED_WITH_MODEL", "TIMED_OUT_WITH_MODEL"])
def test_a_restart_is_a_new_attempt_without_the_old_ones_end(status):
    platform = a_platform()
    task = a_task(platform, status, error={"code": "x", "message": "y", "hint": ""}, is_stop_requested=True, training_jobs=["job"])
    restarted = restart_task(platform, task.id)
    assert (restarted.status, restarted.attempt, restarted.error, restarted.is_stop_requested) == ("CREATED", 2, None, False)
    assert restarted.training_jobs == ["job"], "its log stays readable"
    assert platform.executions.started[-1][1:] == (f"{task.id}-a2", {"task_id": task.id, "attempt": 2, "try": 1})


@pytest.mark.parametrize("status", ["CREATED", "TRAINING", "EVALUATING", "SUCCEEDED"])
def test_a_task_that_runs_or_succeeded_is_not_restarted(status):
    platform = a_platform()
    task = a_task(platform, status)
    with pytest.raises(Conflict, match=r"task\.not_restartable"):
        restart_task(platform, task.id)
