"""Failures as they reach the control plane, and what the items say then."""

from __future__ import annotations

import json

import pytest

from chalicelib.domain.failure import problem_of_caught, problem_of_job
from chalicelib.ports import EndpointState, TrainingJob
from chalicelib.service.settling import parse_execution_name, record_failure, settle_ended_execution
from droplearn.contracts.errors import InvalidDataset
from tests.unit.control_plane.test_services import deployed
from tests.unit.control_plane.things import a_platform, a_task

ERROR = {"code": "dataset.empty", "message": "m", "hint": "h"}


def lambda_cause(error: Exception) -> str:
    return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": ["secret.py"]})


def test_a_user_error_of_a_step_is_shown_word_for_word():
    error = InvalidDataset("dataset.one_label", "Only 猫.", hint="Add a second folder.", details={"labels": 1})
    assert problem_of_caught("InvalidDataset", lambda_cause(error)) == {
        "code": "dataset.one_label",
        "message": "Only 猫.",
        "hint": "Add a second folder.",
    }


@pytest.mark.parametrize(
    ("error", "cause", "code"),
    [
        ("States.Timeout", "", "stage.timed_out"),
        ("SageMaker.AmazonSageMakerException", "ResourceLimitExceeded: quota", "capacity.unavailable"),
        ("DynamoDB.AccessDeniedException", "User: r is not authorized to perform: dynamodb:UpdateItem", "permission.missing"),
        ("States.TaskFailed", json.dumps({"FailureReason": "AlgorithmError: x"}), "job.failed"),
        ("EndpointFailed", "no space", "service.not_started"),
        ("EndpointNotRemoved", lambda_cause(InvalidDataset("permission.missing", "denied")), "service.not_removed"),
        ("KeyError", lambda_cause(KeyError("x")), "internal.error"),
        ("States.Runtime", "not json", "internal.error"),
    ],
)
def test_every_other_failure_gets_a_code_and_a_hint(error, cause, code):
    found = problem_of_caught(error, cause)
    assert found["code"] == code
    assert found["hint"]
    assert "secret.py" not in str(found)


def test_a_processing_jobs_own_words_are_shown():
    cause = json.dumps({"ProcessingJobStatus": "Failed", "ExitMessage": json.dumps(ERROR)})
    assert problem_of_caught("States.TaskFailed", cause) == ERROR


@pytest.mark.parametrize("prefix", ["", "AlgorithmError: ", "AlgorithmError: framework error: \n"])
def test_the_failure_file_is_found_behind_sagemakers_prefix(prefix):
    assert problem_of_job(f"{prefix}{json.dumps(ERROR)}, exit code: 1") == ERROR


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("task-" + "0" * 26 + "-a12", ("task", "task-" + "0" * 26, 12)),
        ("service-" + "z" * 26 + "-a1", ("service", "service-" + "z" * 26, 1)),
        ("something else", None),
        ("task-0-a1", None),
    ],
)
def test_an_executions_name_says_what_it_works_on(name, expected):
    assert parse_execution_name(name) == expected


def test_a_task_that_was_asked_to_stop_has_stopped_and_not_failed():
    platform = a_platform()
    task = a_task(platform, "STOPPING", is_stop_requested=True)
    assert record_failure(platform, parse_execution_name(task.execution_name), ERROR) == "STOPPED"


def test_a_model_that_was_registered_is_not_lost_with_its_evaluation():
    platform = a_platform()
    task = a_task(platform, "EVALUATING", final_status="TIMED_OUT_WITH_MODEL", model="model-1")
    assert record_failure(platform, parse_execution_name(task.execution_name), ERROR) == "TIMED_OUT_WITH_MODEL"


@pytest.mark.parametrize("fields", [{"status": "SUCCEEDED"}, {"status": "TRAINING", "attempt": 2}])
def test_what_has_ended_or_is_another_attempts_is_not_touched(fields):
    platform = a_platform()
    task = a_task(platform, **fields)
    execution = parse_execution_name(f"{task.id}-a1")
    assert record_failure(platform, execution, ERROR) is None
    assert platform.tasks.get(task.id) == task


def test_an_aborted_execution_fails_its_task_with_a_hint_and_stops_its_job():
    platform = a_platform()
    task = a_task(platform, "TRAINING", training_job="job")
    platform.training_jobs.known["job"] = TrainingJob("job", "InProgress")
    assert settle_ended_execution(platform, parse_execution_name(task.execution_name), "ABORTED") == "FAILED"
    error = platform.tasks.get(task.id).error
    assert error["code"] == "execution.aborted"
    assert "Restart" in error["hint"]
    assert platform.training_jobs.stopped == ["job"]


@pytest.mark.parametrize(("status", "end"), [("RUNNING", "FAILED"), ("STARTING", "FAILED"), ("STOPPING", "STOPPED")])
def test_a_service_whose_execution_failed_leaves_no_endpoint_behind(status, end):
    platform = a_platform()
    service, _ = deployed(platform, status)
    platform.endpoints.known[service.id] = EndpointState("InService")
    assert settle_ended_execution(platform, parse_execution_name(service.execution_name), "FAILED") == end
    assert platform.endpoints.known == {}


def test_an_endpoint_that_could_not_be_removed_is_a_failure_even_if_a_stop_was_wished():
    platform = a_platform()
    service, _ = deployed(platform, "STOPPING")
    error = problem_of_caught("EndpointNotRemoved", "denied")
    assert record_failure(platform, parse_execution_name(service.execution_name), error) == "FAILED"
