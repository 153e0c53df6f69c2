"""`DELETE /v1/models/{model}`, `DELETE /v1/projects/{project}`, and `droplearn delete` as it is typed."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.service.deleting_models import delete_model
from chalicelib.service.deleting_projects import delete_project
from chalicelib.service.tokens import TokenOrder, create_token
from droplearn.cli import deleting
from droplearn.cli.main import main
from droplearn.contracts.errors import NotFound
from droplearn.contracts.status import Permission
from tests.contract.control_plane.conftest import Call
from tests.fakes import FakePlatform
from tests.unit.control_plane.things import PROJECT, a_model, a_task


@pytest.fixture
def model(fake_platform: FakePlatform) -> str:
    task = a_task(fake_platform, "SUCCEEDED")
    return a_model(fake_platform, id=task.id.replace("task-", "model-"), task=task.id).id


def test_a_model_is_marked_by_the_request_and_gone_after_the_step(call: Call, fake_platform: FakePlatform, model: str):
    for _ in range(2):
        status, told = call("DELETE", f"/v1/models/{model}")
        assert (status, told["id"], bool(told["deleting_since"])) == (202, model, True)
    assert call("GET", f"/v1/models/{model}")[1]["deleting_since"]
    status, refused = call("POST", f"/v1/projects/{PROJECT}/services", {"model": model})
    assert (status, refused["error"]["code"]) == (409, "model.being_deleted")
    assert delete_model(fake_platform, model, lambda: True)
    for method in ("GET", "DELETE"):
        status, told = call(method, f"/v1/models/{model}")
        assert (status, told["error"]["code"]) == (404, "model.deleted")
    assert call("DELETE", "/v1/models/model-never")[1]["error"]["code"] == "model.unknown"
    (task,) = call("GET", f"/v1/projects/{PROJECT}/tasks")[1]["tasks"]
    assert (task["model_deleted_at"], call("GET", f"/v1/projects/{PROJECT}/models")[1]["models"]) == ("2026-01-01T00:00:00.000Z", [])


def test_who_may_not_edit_the_project_deletes_no_model(call: Call, fake_platform: FakePlatform, model: str):
    others = [point for point in Permission if point not in (Permission.EDIT_PROJECT, Permission.ADMIN)]
    token = create_token(fake_platform, TokenOrder(others, [PROJECT], "", 60)).secret
    assert call("DELETE", f"/v1/models/{model}", token=token)[0] == 403
    assert fake_platform.models.get(model).deleting_since is None


def test_a_project_is_marked_by_the_request_and_shown_until_it_is_gone(call: Call, fake_platform: FakePlatform, model: str):
    path = f"/v1/projects/{PROJECT}"
    assert call("DELETE", path)[1]["error"]["code"] == "project.not_confirmed"
    for _ in range(2):
        status, told = call("DELETE", path, query=f"confirm={PROJECT}")
        assert (status, bool(told["deleting_since"])) == (202, True)
    assert call("GET", path)[1]["deleting_since"]
    assert call("GET", f"{path}/models")[1]["models"][0]["id"] == model
    status, refused = call("POST", f"{path}/tasks", {"dataset": "animals"})
    assert (status, refused["error"]["code"]) == (409, "project.being_deleted")
    fake_platform.pass_time(121)
    assert delete_project(fake_platform, PROJECT, lambda: True)
    assert call("DELETE", path, query=f"confirm={PROJECT}")[1]["error"]["code"] == "project.unknown"


@pytest.mark.parametrize("lacking", [Permission.EDIT_PROJECT, Permission.CREATE_PROJECT])
def test_a_project_is_deleted_by_who_may_create_and_edit_it(call: Call, fake_platform: FakePlatform, lacking: Permission):
    others = [point for point in Permission if point not in (lacking, Permission.ADMIN)]
    token = create_token(fake_platform, TokenOrder(others, [PROJECT], "", 60)).secret
    assert call("DELETE", f"/v1/projects/{PROJECT}", query=f"confirm={PROJECT}", token=token)[0] == 403


class Model:
    """What the API says of one, and whether it was deleted."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def call(self, method: str, path: str, **query: str) -> dict[str, Any]:
        self.asked.append(method)
        if self.asked.count("DELETE") and method == "GET":
            raise NotFound("model.deleted", path)
        return {"project": "zoo", "number": 3, "confirmed": query}


@pytest.mark.parametrize(("said", "is_deleted"), [("y\n", True), ("yes\n", True), ("\n", False), ("n\n", False), ("", False)])
def test_a_person_is_asked_first(
    said: str, is_deleted: bool, model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    client, typed = Model(), io.StringIO(said)
    monkeypatch.setattr(deleting, "connect", lambda _: client)
    monkeypatch.setattr(deleting.sys, "stdin", SimpleNamespace(isatty=lambda: True, readline=typed.readline))
    assert main(["delete", model]) == (0 if is_deleted else 1)
    assert f"Delete {model} (zoo #3)" in capsys.readouterr().out
    assert ("DELETE" in client.asked) is is_deleted


def test_where_nobody_can_be_asked_nothing_is_deleted_unasked(
    model: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    client = Model()
    monkeypatch.setattr(deleting, "connect", lambda _: client)
    assert main(["delete", model, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "delete.not_confirmed"
    assert main(["delete", "zoo", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "delete.not_confirmed"
    assert main(["delete", "service-01m81wecverjwrbztzy1tfgq9k", "--yes", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "delete.unknown_kind"
    assert "DELETE" not in client.asked
    assert main(["delete", model, "--yes", "--json"]) == 0


@pytest.mark.parametrize(("said", "is_deleted"), [("zoo\n", True), ("y\n", False), ("zo\n", False), ("", False)])
def test_a_project_is_deleted_when_its_name_is_typed(said: str, is_deleted: bool, monkeypatch: pytest.MonkeyPatch):
    client = Model()
    monkeypatch.setattr(deleting, "connect", lambda _: client)
    monkeypatch.setattr(deleting.sys, "stdin", SimpleNamespace(isatty=lambda: True, readline=io.StringIO(said).readline))
    assert main(["delete", "zoo"]) == (0 if is_deleted else 1)
    assert ("DELETE" in client.asked) is is_deleted


def test_a_project_is_waited_for_only_if_that_is_wanted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    for words, told in ([[], {"is_deleted": False, "is_being_deleted": True}], [["--wait"], {"is_deleted": True}]):
        monkeypatch.setattr(deleting, "connect", lambda _: Model())
        assert main(["delete", "zoo", "--yes", "--json", *words]) == 0
        assert json.loads(capsys.readouterr().out) == {"id": "zoo", **told}
