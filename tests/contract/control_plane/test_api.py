"""The HTTP API through API Gateway's real events (payload format 2.0)."""

from __future__ import annotations

import base64
import json

import pytest

from chalicelib.ports import Answer, EndpointState
from droplearn.contracts.errors import InternalError, Throttled
from droplearn.contracts.status import Permission
from tests.contract.control_plane.http_front import CONTEXT, event_of, parsed
from tests.unit.control_plane.things import DATASET, PROJECT, a_model, a_task


@pytest.fixture
def predict(fake_platform):
    from chalicelib.api import predict as module

    module._known.clear()

    def send(service_id, token, body=b"\xff\xd8", kind="image/jpeg", query=""):
        event = event_of("POST", f"/v1/services/{service_id}/predict", query, {"authorization": token, "content-type": kind}, body)
        send.reply = module.handle(event | {"pathParameters": {"service_id": service_id}}, CONTEXT)
        return parsed(send.reply)

    return send


def token_with(call, permissions, projects=("*",)):
    return call("POST", "/v1/tokens", {"permissions": list(permissions), "projects": list(projects)})[1]["token"]


def test_a_project_is_created_found_listed_and_described(call):
    status, made = call("POST", "/v1/projects", {"name": "动物园", "scenario": "image_classification"})
    assert (status, made["is_scenario_inferred"]) == (201, False)
    path = "/v1/projects/%E5%8A%A8%E7%89%A9%E5%9B%AD"
    assert call("GET", path)[1] == made
    assert call("PATCH", path, {"description": "animals"})[1]["description"] == "animals"
    assert {p["name"] for p in call("GET", "/v1/projects")[1]["projects"]} == {PROJECT, "动物园"}
    assert call("POST", "/v1/projects", {"name": "动物园", "scenario": "image_classification"})[0] == 409


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"name": "no/slash", "scenario": "image_classification"}, "name"),
        ({"scenario": "image_classification"}, "name"),
        ({"name": "p", "scenario": "image_classification", "colour": 1}, "colour"),
        (b"{broken", "body"),
        (b"", "body"),
    ],
)
def test_a_wrong_body_is_refused_naming_the_field(call, body, named):
    status, answer = call("POST", "/v1/projects", body)
    assert (status, answer["error"]["code"]) == (400, "request.invalid")
    assert named in answer["error"]["message"]
    assert answer["error"]["request_id"] == CONTEXT.aws_request_id


@pytest.mark.parametrize("kind", ["application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_body_that_is_not_json_is_refused(call, kind):
    status, answer = call("POST", "/v1/projects", b'{"name": "p"}', **{"content-type": kind})
    assert (status, answer["error"]["code"]) == (415, "request.not_json")
    assert "application/json" in answer["error"]["hint"]


def test_a_wrong_name_or_time_is_explained_in_words(call, fake_platform):
    path = f"/v1/projects/{PROJECT}/services"
    status, answer = call("POST", path, {"model": a_model(fake_platform).id, "name": "my shop", "idle_timeout_s": 5})
    told = answer["error"]["message"]
    assert (status, "[A-Za-z" in told) == (400, False)
    assert "name: Use 1 to 30 letters" in told
    assert "idle_timeout_s: Input should be 0 (never) or at least 10" in told


def test_unknown_routes_and_methods_have_the_same_form(call):
    status, answer = call("GET", "/v1/nothing")
    assert (status, answer["error"]["code"]) == (404, "route.unknown")
    status, answer = call("DELETE", "/v1/projects")
    assert (status, answer["error"]["code"], answer["error"]["details"]) == (405, "route.method_not_allowed", {"allowed": ["GET", "POST"]})


def test_a_failure_of_ours_tells_the_request_id_and_nothing_else(call, fake_platform, caplog):
    fake_platform.projects.get = lambda _key: 1 / 0
    status, answer = call("GET", "/v1/projects/p")
    assert (status, answer["error"]["code"]) == (500, "internal.error")
    assert "ZeroDivision" not in json.dumps(answer)
    assert "ZeroDivision" in caplog.text


def test_a_missing_permission_of_ours_is_not_told_to_callers(call, fake_platform):
    def denied(_key):
        raise InternalError("permission.missing", "arn:aws:iam::1:role/secret may not")

    fake_platform.projects.get = denied
    assert "secret" not in json.dumps(call("GET", "/v1/projects/p")[1])


def test_a_throttled_call_says_when_to_come_back(call, fake_platform):
    from chalicelib.api.http import handle

    token = token_with(call, ["Admin"])

    def throttled(_key):
        raise Throttled("aws.throttled", "Slow down.")

    fake_platform.projects.get = throttled
    reply = handle(event_of("GET", "/v1/projects/p", "", {"authorization": token}), CONTEXT)
    assert (reply["statusCode"], reply["headers"]["retry-after"]) == (429, "5")


def test_a_dataset_shows_its_counts_and_examples(call):
    status, dataset = call("GET", f"/v1/projects/{PROJECT}/datasets/{DATASET}")
    assert (status, dataset["object_count"], dataset["label_counts"]) == (200, 20, {"cat": 10, "dog": 10})
    _, page = call("GET", f"/v1/projects/{PROJECT}/datasets/{DATASET}/examples", query="status=labelled&label=cat&limit=3")
    assert [e["path"] for e in page["examples"]] == ["cat/0.jpg", "cat/1.jpg", "cat/2.jpg"]
    query = f"status=labelled&label=cat&limit=3&cursor={page['next_cursor']}"
    assert call("GET", f"/v1/projects/{PROJECT}/datasets/{DATASET}/examples", query=query)[1]["examples"][0]["path"] == "cat/3.jpg"


def test_a_double_click_with_a_key_starts_one_task(call, fake_platform):
    answers = [call("POST", f"/v1/projects/{PROJECT}/tasks", {"dataset": DATASET}, **{"idempotency-key": "k"}) for _ in range(2)]
    assert [status for status, _ in answers] == [202, 202]
    assert answers[0][1]["id"] == answers[1][1]["id"]
    assert len(fake_platform.executions.started) == 1


def test_settings_out_of_bounds_are_refused_before_anything_is_kept(call, fake_platform):
    status, answer = call("POST", f"/v1/projects/{PROJECT}/tasks", {"dataset": DATASET, "settings": {"max_runtime_s": 1}})
    assert (status, answer["error"]["code"]) == (400, "request.invalid")
    assert "max_runtime_s" in answer["error"]["message"]
    assert not fake_platform.tasks.known


def test_tasks_are_listed_newest_first_stopped_and_restarted(call, fake_platform):
    tasks = [a_task(fake_platform) for _ in range(2)]
    listed = call("GET", f"/v1/projects/{PROJECT}/tasks")[1]["tasks"]
    assert [t["id"] for t in listed] == sorted((t.id for t in tasks), reverse=True)
    assert call("POST", f"/v1/tasks/{tasks[0].id}/stop")[1]["status"] == "STOPPED"
    status, again = call("POST", f"/v1/tasks/{tasks[0].id}/restart")
    assert (status, again["attempt"]) == (202, 2)


def test_a_service_is_made_with_its_url_and_a_token_shown_once(call, fake_platform):
    model = a_model(fake_platform)
    status, made = call("POST", f"/v1/projects/{PROJECT}/services", {"model": model.id, "max_runtime_s": 60})
    assert status == 202
    assert made["url"] == f"https://api.example.com/v1/services/{made['id']}/predict"
    assert "token" not in call("GET", f"/v1/services/{made['id']}")[1]
    assert call("POST", f"/v1/projects/{PROJECT}/services", {"model": model.id, "max_runtime_s": 59})[0] == 400


@pytest.mark.parametrize(
    ("method", "path", "body", "point"),
    [
        ("POST", "/v1/projects", {"name": "new", "scenario": "image_classification"}, Permission.CREATE_PROJECT),
        ("GET", "/v1/projects", None, Permission.LIST_PROJECT),
        ("GET", f"/v1/projects/{PROJECT}", None, Permission.LIST_PROJECT),
        ("PATCH", f"/v1/projects/{PROJECT}", {"description": ""}, Permission.EDIT_PROJECT),
        ("POST", f"/v1/projects/{PROJECT}/datasets", {"name": "d2"}, Permission.EDIT_PROJECT),
        ("GET", f"/v1/projects/{PROJECT}/datasets", None, Permission.LIST_PROJECT),
        ("POST", f"/v1/projects/{PROJECT}/tasks", {"dataset": DATASET}, Permission.TRAIN_MODEL),
        ("GET", f"/v1/projects/{PROJECT}/tasks", None, Permission.LIST_PROJECT),
        ("GET", f"/v1/projects/{PROJECT}/models", None, Permission.LIST_PROJECT),
        ("POST", f"/v1/projects/{PROJECT}/services", {"model": "model-" + "0" * 26}, Permission.DEPLOY_SERVICE),
        ("GET", f"/v1/projects/{PROJECT}/services", None, Permission.LIST_PROJECT),
        ("GET", "/v1/tokens", None, Permission.ADMIN),
    ],
)
def test_each_route_needs_its_permission_point_and_project(call, fake_platform, method, path, body, point):
    a_model(fake_platform)
    others = [p.value for p in Permission if p not in (point, Permission.ADMIN)]
    status, answer = call(method, path, body, token=token_with(call, others))
    assert (status, answer["error"]["code"]) == (403, "forbidden.permission")
    assert point.value in answer["error"]["message"]
    assert call(method, path, body, token=token_with(call, [point.value]))[0] < 300
    if PROJECT in path:
        assert call(method, path, body, token=token_with(call, [point.value], ["elsewhere"]))[0] == 403


def test_deploying_from_a_task_needs_both_permissions(call):
    token = token_with(call, ["TrainModel"])
    assert call("POST", f"/v1/projects/{PROJECT}/tasks", {"dataset": DATASET, "deploy": True}, token=token)[0] == 403


def test_a_projects_list_shows_only_what_the_token_reaches(call):
    token = token_with(call, ["ListProject"], ["elsewhere"])
    assert call("GET", "/v1/projects", token=token)[1]["projects"] == []


def test_only_health_and_the_document_are_public(call):
    assert call("GET", "/v1/health", token="")[1]["status"] == "ok"
    assert call("GET", "/v1/openapi.json", token="")[0] == 200
    assert call("GET", "/v1/scenarios", token="")[0] == 401


# ---- predictions ---------------------------------------------------------------------------------------------------
def running(call, fake_platform):
    made = call("POST", f"/v1/projects/{PROJECT}/services", {"model": a_model(fake_platform).id})[1]
    fake_platform.endpoints.known[made["id"]] = EndpointState("InService")
    fake_platform.services.change(made["id"], {"status": "RUNNING"})
    return made["id"], made["token"]


def test_a_prediction_hands_the_bytes_and_their_type_to_the_endpoint(call, fake_platform, predict):
    service, token = running(call, fake_platform)
    assert predict(service, token, b"\xff\xd8\x00") == (200, {"success": True})
    body = json.dumps({"dataArray": [{"body": base64.b64encode(b"x").decode()}]}).encode()
    predict(service, f"Bearer {token}", body, "application/json")
    assert fake_platform.endpoints.asked == [(service, b"\xff\xd8\x00", "image/jpeg"), (service, body, "application/json")]


def test_the_containers_own_error_comes_through(call, fake_platform, predict):
    service, token = running(call, fake_platform)
    told = {"success": False, "errorCode": "1002", "errorMsg": "IMAGE_DECODE_ERROR"}
    fake_platform.endpoints.answer = Answer(400, json.dumps(told).encode(), "application/json")
    assert predict(service, token) == (400, told)


def test_an_endpoint_that_is_not_there_is_error_2002(call, fake_platform, predict):
    service, token = running(call, fake_platform)
    fake_platform.endpoints.known.clear()
    assert predict(service, token) == (503, {"success": False, "errorCode": "2002", "errorMsg": "GET_INSTANCE_ERROR"})
    assert predict.reply["body"] == '{"success":false,"errorCode":"2002","errorMsg":"GET_INSTANCE_ERROR"}', "byte for byte"
    assert int(predict.reply["headers"]["retry-after"]) > 0
    predict(service, token, query="details=true")
    assert json.loads(predict.reply["body"])["detail"]


def test_a_busy_server_is_asked_again_soon(call, fake_platform, predict):
    service, token = running(call, fake_platform)
    told = {"success": False, "errorCode": "2002", "errorMsg": "GET_INSTANCE_ERROR"}
    fake_platform.endpoints.answer = Answer(503, json.dumps(told).encode(), "application/json")
    assert predict(service, token) == (503, told)
    assert predict.reply["headers"]["retry-after"] == "1"


def test_a_prediction_is_asked_by_post_only(call, fake_platform):
    service, _ = running(call, fake_platform)
    status, answer = call("GET", f"/v1/services/{service}/predict")
    assert (status, answer["error"]["code"], answer["error"]["details"]) == (405, "route.method_not_allowed", {"allowed": ["POST"]})


def test_a_failure_of_ours_is_error_2001(call, fake_platform, predict):
    service, token = running(call, fake_platform)
    fake_platform.endpoints.invoke = lambda *_given: 1 / 0
    assert predict(service, token) == (500, {"success": False, "errorCode": "2001", "errorMsg": "UNKNOWN_ERROR"})


def test_predictions_are_closed_to_wrong_foreign_and_revoked_tokens(call, fake_platform, predict):
    service, token = running(call, fake_platform)
    other, _ = running(call, fake_platform)
    assert predict(service, "dlt_token-x_y")[0] == 401
    assert predict(service, token_with(call, ["ListProject"]))[0] == 403
    assert predict(other, token)[0] == 403
    assert predict(service, token_with(call, ["Predict"], [PROJECT]))[0] == 200
    assert predict(service, token)[0] == 200
    (known,) = [t for t in fake_platform.tokens.known.values() if t.service == service]
    assert call("DELETE", f"/v1/tokens/{known.id}")[0] == 204
    assert predict(service, token)[0] == 401, "at once, although the service is remembered"


def test_predicting_loads_neither_powertools_nor_pydantic():
    import subprocess
    import sys

    code = (
        "import sys, chalicelib.api.predict; sys.exit(any(m.split('.')[0] in ('pydantic', 'aws_lambda_powertools') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "src:functions"}, check=False).returncode == 0
