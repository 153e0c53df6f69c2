"""Who may do what."""

from __future__ import annotations

import pytest

from tests.twin.conftest import Learnt
from tests.twin.world import World


def made(world: World, permissions: list[str], projects: list[str]) -> dict:
    return world.call("POST", "/v1/tokens", {"permissions": permissions, "projects": projects, "description": "a test"})


@pytest.mark.parametrize("token", ["", "dlt_nobody_nothing", "Basic abc", "x" * 500])
def test_a_wrong_token_is_refused(world: World, token: str):
    status, body = world.ask("GET", "/v1/projects", token=token)
    assert status == 401
    assert body["error"]["code"].startswith("token.")
    assert body["error"]["hint"]


def test_a_revoked_token_is_refused(world: World):
    token = made(world, ["ListProject"], ["*"])
    assert world.ask("GET", "/v1/projects", token=token["token"])[0] == 200
    assert world.ask("DELETE", f"/v1/tokens/{token['id']}")[0] in (200, 204)
    assert world.ask("GET", "/v1/projects", token=token["token"])[0] == 401


def test_a_token_without_the_permission_point_is_told_which_one_is_missing(world: World, learnt: Learnt):
    token = made(world, ["ListProject"], [learnt.project])["token"]
    status, body = world.ask("POST", f"/v1/projects/{learnt.project}/tasks", {"dataset": learnt.dataset}, token=token)
    assert status == 403
    assert "TrainModel" in body["error"]["message"]


def test_a_token_of_another_project_is_refused(world: World, learnt: Learnt):
    token = made(world, ["ListProject", "TrainModel"], ["elsewhere"])["token"]
    assert world.ask("GET", f"/v1/tasks/{learnt.task['id']}", token=token)[0] in (403, 404)


def test_a_service_is_closed_to_wrong_and_foreign_tokens(world: World, learnt: Learnt, short_service: dict):
    weak = made(world, ["ListProject"], ["*"])["token"]
    assert world.ask("POST", short_service["url"], {"dataArray": []}, token="dlt_a_b")[0] == 401
    assert world.ask("POST", short_service["url"], {"dataArray": []}, token=weak)[0] == 403
    assert world.ask("GET", "/v1/projects", token=short_service["token"])[0] == 403


def test_no_secret_is_stored(world: World, root):
    token = made(world, ["ListProject"], ["*"])["token"]
    secret = token.rsplit("_", 1)[-1] if token.count("_") == 2 else token.split("_", 2)[2]
    table = next(t for t in root("dynamodb").list_tables()["TableNames"])
    assert secret not in str(root("dynamodb").scan(TableName=table)["Items"])
