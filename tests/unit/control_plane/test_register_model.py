"""Step RegisterModel: how a training ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.capacity import CapacityPolicy
from chalicelib.ports import TrainingJob
from chalicelib.service.registration import Ended, settle_training
from droplearn.contracts.dataset import HealthProblem, HealthReport
from droplearn.contracts.errors import TransientError
from droplearn.contracts.s3_layout import health_report_key
from tests.unit.control_plane.things import PROJECT, a_platform, a_task, write_manifest

POLICY = CapacityPolicy()
JOB, ARTIFACT = "job", "s3://artifacts/tasks/t/output/job/output/model.tar.gz"


def settle(platform, task, job=None, **fields):
    if job is not None:
        platform.training_jobs.known[JOB] = job
    ended = Ended(task_id=task.id, attempt=task.attempt, try_number=1, job=JOB, evaluation_id="eval-1")
    return settle_training(platform, replace(ended, **fields), POLICY, chance=0.5)


def finished(status="Completed", secondary="", artifact=ARTIFACT):
    return TrainingJob(JOB, status, secondary, "", artifact)


@pytest.mark.parametrize(
    ("job", "stop_reason", "is_stop_requested", "final"),
    [
        (finished(), "converged", False, "SUCCEEDED"),
        (finished(), "enough_already", False, "SUCCEEDED"),
        (finished(), "max_runtime", False, "TIMED_OUT_WITH_MODEL"),
        (finished("Stopped", "MaxRuntimeExceeded"), "stop_requested", False, "TIMED_OUT_WITH_MODEL"),
        (finished("Stopped", "Stopped"), "stop_requested", True, "STOPPED_WITH_MODEL"),
        (finished(), "converged", True, "SUCCEEDED"),
    ],
)
def test_a_training_that_left_a_model_ends_with_it(job, stop_reason, is_stop_requested, final):
    platform = a_platform()
    task = a_task(platform, "TRAINING", is_stop_requested=is_stop_requested)
    write_manifest(platform, task, stop_reason)
    settled = settle(platform, task, job)
    assert (settled["outcome"], settled["final_status"]) == ("model", final)
    model = platform.models.get(settled["model_id"])
    assert (model.number, model.artifact_uri, model.project) == (1, ARTIFACT, PROJECT)
    assert platform.evaluations.get("eval-1").model == model.id
    assert platform.tasks.get(task.id).final_status == final


def test_settling_twice_makes_one_model_with_one_number():
    platform = a_platform()
    task = a_task(platform, "TRAINING")
    write_manifest(platform, task)
    first, second = settle(platform, task, finished()), settle(platform, task, finished())
    assert first == second
    assert platform.projects.get(PROJECT).model_count == 1


def test_the_health_report_goes_to_task_and_dataset():
    platform = a_platform()
    task = a_task(platform, "TRAINING")
    problem = HealthProblem(path="cat/1.jpg", code="corrupt", message="truncated", is_excluded=True)
    report = HealthReport(version_id="v-1", checked_count=20, excluded_count=1, problem_counts={"corrupt": 1}, problems=[problem] * 50)
    platform.artifacts.write(health_report_key(task.id), report.to_json().encode())
    write_manifest(platform, task)
    settle(platform, task, finished())
    (dataset,) = platform.datasets.known.values()
    assert platform.tasks.get(task.id).health["excluded_count"] == 1
    assert dataset.health["problems"][0]["path"] == "cat/1.jpg"
    assert len(dataset.health["problems"]) == 20


@pytest.mark.parametrize(
    ("job", "error", "cause"),
    [
        (None, "SageMaker.ResourceLimitExceededException", "quota"),
        (None, "SageMaker.AmazonSageMakerException", "An error occurred (ResourceLimitExceeded) when calling CreateTrainingJob"),
        (TrainingJob(JOB, "Failed", "", "CapacityError: Unable to provision requested ML compute capacity"), "States.TaskFailed", ""),
    ],
)
def test_a_training_without_an_instance_is_queued_and_waits_longer_each_time(job, error, cause):
    platform = a_platform()
    task = a_task(platform, "TRAINING")
    first = settle(platform, task, job, error=error, cause=cause)
    later = settle(platform, task, job, error=error, cause=cause, try_number=3)
    assert (first["outcome"], first["wait_s"], first["next_try"]) == ("capacity", 45, 2)
    assert (later["wait_s"], later["next_try"]) == (180, 4)


def test_waiting_for_an_instance_is_no_training_and_a_model_ends_it():
    platform = a_platform()
    task = a_task(platform, "TRAINING", training_started_at="2026-01-01T00:00:00.000Z")
    settle(platform, task, error="SageMaker.ResourceLimitExceeded")
    assert platform.tasks.get(task.id).training_started_at is None
    write_manifest(platform, task)
    settle(platform, task, finished())
    platform.pass_time(60)
    settle(platform, task, finished())
    assert platform.tasks.get(task.id).training_ended_at == "2026-01-01T00:00:00.000Z", "when it was settled first"


def test_a_task_that_waited_too_long_for_an_instance_fails():
    platform = a_platform()
    task = a_task(platform, "TRAINING", queued_since="2025-12-30T00:00:00.000Z")
    settled = settle(platform, task, None, error="SageMaker.ResourceLimitExceededException")
    assert settled == {"outcome": "over", "status": "FAILED"}
    assert platform.tasks.get(task.id).error["code"] == "capacity.unavailable"


def test_the_trainers_own_words_are_shown():
    platform = a_platform()
    task = a_task(platform, "TRAINING")
    reason = 'AlgorithmError: {"code": "data.unreadable", "message": "No picture can be read.", "hint": "Drop pictures."}\nexit code: 1'
    assert settle(platform, task, TrainingJob(JOB, "Failed", "", reason))["status"] == "FAILED"
    assert platform.tasks.get(task.id).error == {"code": "data.unreadable", "message": "No picture can be read.", "hint": "Drop pictures."}


@pytest.mark.parametrize("reason", ["AlgorithmError: , exit code: 137", "", "InternalServerError"])
def test_a_killed_training_says_that_a_restart_resumes(reason):
    platform = a_platform()
    task = a_task(platform, "TRAINING")
    settle(platform, task, TrainingJob(JOB, "Failed", "", reason))
    error = platform.tasks.get(task.id).error
    assert error["code"] == "training.killed"
    assert "Restart" in error["hint"]


def test_a_stop_before_the_first_model_ends_in_stopped():
    platform = a_platform()
    task = a_task(platform, "STOPPING", is_stop_requested=True)
    assert settle(platform, task, finished("Stopped", artifact=None))["status"] == "STOPPED"
    assert platform.tasks.get(task.id).error is None


def test_a_limit_before_the_first_model_is_a_failure_with_a_hint():
    platform = a_platform()
    task = a_task(platform, "TRAINING")
    settle(platform, task, finished("Stopped", "MaxRuntimeExceeded", artifact=None))
    assert platform.tasks.get(task.id).error["code"] == "training.no_model_in_time"


def test_a_job_that_is_not_over_is_asked_again_later():
    platform = a_platform()
    task = a_task(platform, "TRAINING")
    with pytest.raises(TransientError, match=r"training\.not_over"):
        settle(platform, task, TrainingJob(JOB, "Stopping"))


@pytest.mark.parametrize("fields", [{"status": "STOPPED"}, {"status": "TRAINING", "attempt": 2}])
def test_what_is_over_is_left_alone(fields):
    platform = a_platform()
    task = a_task(platform, **fields)
    write_manifest(platform, task)
    platform.training_jobs.known[JOB] = finished()
    ended = Ended(task_id=task.id, attempt=1, try_number=1, job=JOB, evaluation_id="eval-1")
    assert settle_training(platform, ended, POLICY) == {"outcome": "over"}
    assert not platform.models.known
