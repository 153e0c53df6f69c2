"""functions/app.py: every Lambda can be called with its event, and hands over to what its state machine or event means."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.ports import EndpointState, TrainingJob
from chalicelib.service.services import ServiceOrder, create_service
from chalicelib.settings import Settings
from droplearn.contracts.errors import InternalError
from tests.contract.control_plane.http_front import CONTEXT, event_of, parsed
from tests.unit.control_plane.things import PROJECT, a_model, a_task, write_manifest


@pytest.fixture
def app(fake_platform: Any) -> Any:
    pytest.importorskip("chalice")
    import app

    fake_platform.settings = Settings({})
    return app


def aws_event(name: str, item_id: str) -> dict[str, Any]:
    """As AWS documents it, for one of our ids."""
    text = (Path(__file__).parents[2] / f"aws_events/{name}.json").read_text()
    return json.loads(re.sub(r"(task|service)-0{26}", item_id, text))


def test_a_task_goes_through_the_steps_of_learn(app: Any, fake_platform: Any):
    task = a_task(fake_platform, "PREPARING")
    state: dict[str, Any] = {"task_id": task.id, "attempt": 1, "try": 1}
    state["planned"] = {"reply": app.plan_training(state, CONTEXT)}
    json.dumps(state)
    write_manifest(fake_platform, task)
    job = state["planned"]["reply"]["job"]
    fake_platform.training_jobs.known[job] = TrainingJob(job, "Completed", "", "", "s3://artifacts/model.tar.gz")
    settled = app.register_model(state, CONTEXT)
    assert (settled["outcome"], settled["final_status"]) == ("model", "SUCCEEDED")
    wanted = {"task_id": task.id, "attempt": 1, "model_id": settled["model_id"]}
    service = app.start_deployment(wanted, CONTEXT)["service_id"]
    assert app.start_deployment(wanted, CONTEXT)["service_id"] == service, "once per attempt"
    assert fake_platform.tasks.get(task.id).service == service


def test_an_error_that_was_caught_reaches_the_task(app: Any, fake_platform: Any):
    task = a_task(fake_platform, "TRAINING")
    event = {"execution": task.execution_name, "caught": {"Error": "States.Timeout", "Cause": ""}}
    assert app.record_failure(event, CONTEXT) == {"status": "FAILED"}
    assert app.record_failure(event, CONTEXT) == {"status": None}
    assert app.record_failure(event | {"execution": "somebody else's"}, CONTEXT) == {"status": None}


def test_a_service_goes_through_the_steps_of_deploy(app: Any, fake_platform: Any):
    service = create_service(fake_platform, ServiceOrder(project=PROJECT, model=a_model(fake_platform).id)).service
    event = {"service_id": service.id}
    assert app.plan_deployment(event, CONTEXT)["start_timeout_s"] == 1800
    fake_platform.services.change(service.id, {"status": "STARTING"})
    app.await_endpoint(event | {"task_token": "start"}, CONTEXT)
    assert fake_platform.executions.answers == []
    fake_platform.endpoints.known[service.id] = EndpointState("InService")
    event_given = aws_event("sagemaker_endpoint_state_change", service.id)
    assert app.endpoint_changed(event_given, CONTEXT) == {"status": "InService"}
    assert fake_platform.executions.answers == [("succeed", "start")]
    app.remove_endpoint(event, CONTEXT)
    assert fake_platform.endpoints.known == {}


def test_an_execution_that_ended_badly_is_told_by_eventbridge(app: Any, fake_platform: Any):
    task = a_task(fake_platform, "TRAINING")
    event = aws_event("step_functions_execution_aborted", task.id)
    assert app.execution_ended(event, CONTEXT) == {"status": "FAILED"}
    assert app.execution_ended(event | {"detail": event["detail"] | {"name": "another"}}, CONTEXT) == {"status": None}


@pytest.mark.parametrize("given", [{"model_id": "model-" + "0" * 26}, {"project": PROJECT}])
def test_a_deletion_that_was_aborted_goes_on_and_one_that_failed_waits_for_somebody(app: Any, fake_platform: Any, given: dict[str, str]):
    model = a_model(fake_platform)
    sample = aws_event("step_functions_execution_aborted", "task-" + "0" * 26)

    def ended(status: str) -> Any:
        return sample | {"detail": sample["detail"] | {"name": "model-0-20260101", "status": status, "input": json.dumps(given)}}

    assert app.execution_ended(ended("ABORTED"), CONTEXT) == {"status": None}, "not marked"
    fake_platform.models.change(model.id, {"deleting_since": "2026-01-01T00:00:00.000Z"})
    fake_platform.projects.change(PROJECT, {"deleting_since": "2026-01-01T00:00:00.000Z"})
    assert app.execution_ended(ended("FAILED"), CONTEXT) == {"status": None}
    assert fake_platform.executions.started == []
    assert app.execution_ended(ended("ABORTED"), CONTEXT) == {"status": None, "goes_on": next(iter(given.values()))}
    machine, _, again = fake_platform.executions.started[-1]
    assert (machine, again | given) == ("delete", again)
    fake_platform.models.remove(model.id)
    fake_platform.projects.remove(PROJECT)
    assert app.execution_ended(ended("ABORTED"), CONTEXT) == {"status": None}, "over"


def test_the_steps_of_delete_say_whether_there_is_more(app: Any, fake_platform: Any):
    assert app.delete_model({"model_id": "model-x"}, CONTEXT) == {"is_done": True}
    assert app.delete_project({"project": PROJECT}, CONTEXT) == {"is_done": True}, "nobody has asked for it"
    a_model(fake_platform, deleting_since="2026-01-01T00:00:00.000Z")
    hurried = SimpleNamespace(get_remaining_time_in_millis=lambda: 1)
    assert app.delete_model({"model_id": "model-" + "0" * 26}, hurried) == {"is_done": False}


def test_the_first_token_opens_the_api(app: Any):
    token = app.issue_admin_token({}, CONTEXT)["token"]
    reply = app.api(event_of("GET", "/v1/projects", "", {"authorization": f"Bearer {token}"}), SimpleNamespace(aws_request_id="r"))
    assert parsed(reply)[0] == 200
    assert parsed(app.predict(event_of("POST", "/v1/services/service-x/predict", "", {"authorization": token}), CONTEXT))[0] == 404


def test_a_variable_that_is_missing_is_named():
    with pytest.raises(InternalError, match="TABLE_NAME"):
        _ = Settings({}).table_name
