"""`/v1/projects/{project}/budget`."""

from __future__ import annotations

import pytest

from chalicelib.service.tokens import TokenOrder, create_token
from droplearn.contracts.status import Permission
from tests.contract.control_plane.conftest import Call
from tests.fakes import FakePlatform

PATH = "/v1/projects/zoo/budget"
TASK = {"dataset": "animals"}


def test_a_budget_is_set_shown_and_removed(call: Call):
    status, none = call("GET", PATH)
    assert (status, none["budget_usd"], none["left_usd"]) == (200, None, None)
    status, made = call("PUT", PATH, {"usd": 12.5})
    assert (status, made["budget_usd"], made["left_usd"], made["month"]) == (200, 12.5, 12.5, "2026-01")
    assert call("DELETE", PATH)[0] == 204
    assert call("GET", PATH)[1]["budget_usd"] is None


def test_a_refusal_is_a_402_with_the_amounts(call: Call, fake_platform: FakePlatform):
    call("PUT", PATH, {"usd": 0.1})
    status, told = call("POST", "/v1/projects/zoo/tasks", TASK)
    assert (status, told["error"]["code"]) == (402, "budget.exceeded")
    assert told["error"]["details"]["asked_usd"] > told["error"]["details"]["left_usd"] == 0.1
    assert not fake_platform.tasks.known
    unknown = {**TASK, "settings": {"resources": {"instance_type": "ml.x99.large"}}}
    assert call("POST", "/v1/projects/zoo/tasks", unknown)[1]["error"]["code"] == "budget.no_price"
    call("DELETE", PATH)
    assert call("POST", "/v1/projects/zoo/tasks", unknown)[0] == 202


def test_when_too_much_is_started_at_once_it_may_be_tried_again(call: Call, fake_platform: FakePlatform):
    call("PUT", PATH, {"usd": 100})
    fake_platform.budgets.change = lambda *_, **__: None  # somebody else is always faster
    for told in (call("POST", "/v1/projects/zoo/tasks", TASK), call("PUT", PATH, {"usd": 200})):
        assert (told[0], told[1]["error"]["code"]) == (503, "budget.busy")
    assert not fake_platform.tasks.known


@pytest.mark.parametrize("usd", [-1, 1e9, "much", None])
def test_a_budget_is_a_sum_of_money(call: Call, usd: object):
    assert call("PUT", PATH, {"usd": usd})[0] == 400
    assert call("PUT", PATH, b'{"usd": NaN}')[0] == 400


@pytest.mark.parametrize("share", [0, 1.01, -0.5, 1e-200, "most"])
def test_a_share_that_is_none_is_refused(call: Call, share: object):
    assert call("PUT", PATH, {"usd": 1, "notice_share": share})[0] == 400


def test_looking_needs_list_project_and_setting_edit_project(call: Call, fake_platform: FakePlatform):
    reader = create_token(fake_platform, TokenOrder([Permission.LIST_PROJECT, Permission.TRAIN_MODEL], ["zoo"], "", 60)).secret
    assert call("GET", PATH, token=reader)[0] == 200
    assert call("PUT", PATH, {"usd": 1}, token=reader)[0] == 403
    assert call("DELETE", PATH, token=reader)[0] == 403
    assert call("GET", "/v1/projects/elsewhere/budget")[0] == 404
    assert call("PUT", "/v1/projects/elsewhere/budget", {"usd": 1})[0] == 404


def test_projects_tell_their_budgets_in_one_read(call: Call, fake_platform: FakePlatform):
    assert call("POST", "/v1/projects", {"name": "den", "scenario": "ocr"})[1]["budget_usd"] is None
    call("PUT", PATH, {"usd": 12.5})
    assert call("GET", "/v1/projects/zoo")[1]["budget_usd"] == 12.5
    assert call("PATCH", "/v1/projects/zoo", {"description": "x"})[1]["budget_usd"] == 12.5
    fake_platform.budgets.get = lambda _key: pytest.fail("not one by one")
    told = call("GET", "/v1/projects")[1]["projects"]
    assert {project["name"]: project["budget_usd"] for project in told} == {"zoo": 12.5, "den": None}
