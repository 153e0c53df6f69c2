"""Versions of a service of tables on fakes: published, shared out, taken back, and what goes wrong on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.recall import RecallPlan
from chalicelib.domain.recall_versions import version_for
from chalicelib.domain.service_version import updates_of
from chalicelib.domain.times import text_of
from chalicelib.service.loading_tables import load_tables, remove_tables
from chalicelib.service.services import plan_deployment
from chalicelib.service.settling import Execution, settle_ended_execution
from chalicelib.service.tokens import issue_admin_token
from chalicelib.steps.load_tables import handle as load_step
from chalicelib.steps.plan_update import handle as plan_step
from droplearn.contracts.errors import InvalidRequest
from tests.contract.control_plane.recall_shop import EXPIRES, SHOP, TABLES, asked, loaded, open_shop, put_model

NEW = "model-" + "2" * 26
NEW_TABLES = {"user_item": TABLES["user_item"], "popular": [{"item_id": "fresh", "weight": "1"}]}
MACHINES = Path(__file__).parents[3] / "statemachines"
Answer = tuple[str | None, str]


@pytest.fixture
def shop(fake_platform: Any) -> Any:
    """Two models: the second one's list of what is popular is `fresh`."""
    open_shop(fake_platform)
    put_model(fake_platform, NEW_TABLES, NEW)
    return fake_platform


@pytest.fixture
def answer(shop: Any) -> Callable[..., Answer]:
    """`answer(service, user, query) -> (version, best item)`."""
    token = issue_admin_token(shop)

    def send(service_id: str, user: str = "somebody", query: str = "") -> Answer:
        reply = asked(token, service_id, {"user_id": user, "count": 1}, query)
        body = json.loads(reply["body"])
        found = body["items"][0]["item_id"] if body.get("items") else body["errors"][0]["code"] if "errors" in body else body["errorCode"]
        return reply["headers"].get("x-droplearn-version"), found

    return send


def run(platform: Any, update: str) -> str:
    """What the state machine `update` does. The update's outcome."""
    reply = plan_step({"update_id": update, "entered": "t1"})
    if reply["next"] == "load":
        try:
            assert load_step(reply | {"cursor": None}, None)["is_done"]
            plan_step({"update_id": update, "entered": "t2"})
        except InvalidRequest as error:
            plan_step(
                {
                    "update_id": update,
                    "entered": "t2",
                    "caught": {"Error": "InvalidRequest", "Cause": json.dumps({"errorMessage": str(error)})},
                }
            )
    found = platform.service_updates.get(update)
    assert platform.services.get(found.service).updating is None
    return str(found.outcome)


def publish(call: Any, platform: Any, service_id: str, model: str = NEW, **order: Any) -> str:
    status, update = call("POST", f"/v1/services/{service_id}/versions", {"model": model} | order)
    assert status == 202, update
    return run(platform, update["id"])


def move(call: Any, platform: Any, service_id: str, **shares: float) -> str:
    return run(platform, call("PUT", f"/v1/services/{service_id}/traffic", {"shares": shares})[1]["id"])


def shares(call: Any, service_id: str) -> dict[str, float]:
    return {v["name"]: v["share"] for v in call("GET", f"/v1/services/{service_id}/versions")[1]["versions"]}


def test_a_new_model_takes_the_place_of_the_old_one(shop: Any, call: Any, answer: Any):
    service_id = loaded(shop)
    assert answer(service_id) == ("v1", "i0")
    old_rows = dict(shop.recall_tables.rows)
    assert publish(call, shop, service_id) == "done"
    assert answer(service_id) == ("v2", "fresh")
    assert answer(service_id, query="version=v1")[1] == "service.unknown_version"
    assert old_rows.items() <= shop.recall_tables.rows.items(), "who was being answered by them goes on"
    assert shop.services.get(service_id).model == NEW
    assert shares(call, service_id) == {"v2": 1.0, "v1": 0.0}
    assert call("GET", f"/v1/services/{service_id}/events")[1]["events"][0]["kind"] == "version_published"


def test_versions_share_the_users_and_one_can_be_named(shop: Any, call: Any, answer: Any):
    service_id = loaded(shop)
    assert publish(call, shop, service_id, share=0.5) == "done"
    weights, best = shop.services.get(service_id).weights, {"v1": "i0", "v2": "fresh"}
    for user in (f"new{n}" for n in range(20)):
        version = version_for(user, service_id, weights)
        assert answer(service_id, user) == (version, best[version])
        assert answer(service_id, user, "version=v1") == ("v1", "i0")
        assert answer(service_id, user, "version=v2") == ("v2", "fresh")


def test_an_old_version_gets_its_traffic_back_and_then_the_new_one_goes(shop: Any, call: Any, answer: Any):
    service_id = loaded(shop)
    publish(call, shop, service_id, share=0.9)
    assert move(call, shop, service_id, v1=1, v2=0) == "done"
    assert {answer(service_id, f"new{n}") for n in range(9)} == {("v1", "i0")}
    assert answer(service_id, query="version=v2") == ("v2", "fresh"), "for those who name it"
    assert move(call, shop, service_id, v1=1) == "done"
    assert answer(service_id, query="version=v2")[1] == "service.unknown_version"
    kinds = [(u.kind, u.outcome) for u in shop.service_updates.page(updates_of(service_id), 10).items]
    assert kinds == [("version", "done"), ("traffic", "done"), ("traffic", "done")]


def test_nothing_is_switched_before_all_rows_are_there(shop: Any, call: Any, answer: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("chalicelib.service.loading_tables.CHUNK", 1)
    service_id = loaded(shop)
    update = call("POST", f"/v1/services/{service_id}/versions", {"model": NEW})[1]["id"]
    reply, cursor, steps = plan_step({"update_id": update, "entered": "t1"}), None, 0
    assert plan_step({"update_id": update, "entered": "t1"}) == reply, "a reply that was lost is given again"
    assert call("POST", f"/v1/services/{service_id}/versions", {"model": NEW})[1]["error"]["code"] == "service.updating"
    while True:
        done = load_tables(shop, service_id, EXPIRES, json.loads(json.dumps(cursor)), lambda: False, reply["version"])
        assert answer(service_id) == ("v1", "i0")
        cursor, steps = done.cursor, steps + 1
        if cursor is None:
            break
    assert steps > 3
    plan_step({"update_id": update, "entered": "t2"})
    assert answer(service_id) == ("v2", "fresh")


def test_the_same_model_published_again_takes_the_strategies_as_they_stand(shop: Any, call: Any):
    service_id = loaded(shop)
    call("POST", f"/v1/projects/{SHOP}/strategies", {"name": "mine", "kind": "custom"})
    assert publish(call, shop, service_id, shop.services.get(service_id).model) == "done"
    plans = [RecallPlan.from_text(shop.recall_tables.rows[name, "plan", "*"][0]) for name in (service_id, f"{service_id}-v2")]
    assert [[source.name for source in plan.sources] for plan in plans] == [["item_cf", "topics", "popular"], ["mine"]]


def test_a_version_that_cannot_be_loaded_leaves_the_old_one_answering(shop: Any, call: Any, answer: Any):
    service_id = loaded(shop)
    call("POST", f"/v1/projects/{SHOP}/strategies", {"name": "sea", "kind": "semantic"})
    assert publish(call, shop, service_id) == "failed"
    assert answer(service_id) == ("v1", "i0")
    assert answer(service_id, query="version=v2")[1] == "service.unknown_version"
    call("DELETE", f"/v1/projects/{SHOP}/strategies/sea")
    assert publish(call, shop, service_id) == "done"
    assert answer(service_id) == ("v3", "fresh")


@pytest.mark.parametrize("is_switched", [False, True])
def test_an_update_whose_execution_is_lost_is_told_as_it_stands(shop: Any, call: Any, answer: Any, is_switched: bool):
    service_id = loaded(shop)
    update = call("POST", f"/v1/services/{service_id}/versions", {"model": NEW})[1]["id"]
    reply = plan_step({"update_id": update, "entered": "t1"})
    load_step(reply | {"cursor": None}, None)
    if is_switched:
        shop.services.change(service_id, {"weights": shop.service_updates.get(update).weights})
    outcome = settle_ended_execution(shop, Execution("update", update, 1), "ABORTED")
    assert outcome == ("done" if is_switched else "failed")
    late = plan_step({"update_id": update, "entered": "t2"})
    assert (late["next"], shop.service_updates.get(update).outcome, shop.services.get(service_id).updating) == ("end", outcome, None)
    assert answer(service_id) == (("v2", "fresh") if is_switched else ("v1", "i0"))


def test_what_is_left_of_a_lost_execution_switches_nothing(shop: Any, call: Any, answer: Any):
    service_id = loaded(shop)
    update = call("POST", f"/v1/services/{service_id}/versions", {"model": NEW})[1]["id"]
    load_step(plan_step({"update_id": update, "entered": "t1"}) | {"cursor": None}, None)
    shop.services.change(service_id, {"updating": None})
    assert plan_step({"update_id": update, "entered": "t2"})["next"] == "end"
    assert answer(service_id) == ("v1", "i0")


def test_a_stop_during_the_update_ends_both(shop: Any, call: Any, answer: Any):
    service_id = loaded(shop)
    publish(call, shop, service_id, share=0.5)
    update = call("POST", f"/v1/services/{service_id}/versions", {"model": NEW})[1]["id"]
    reply = plan_step({"update_id": update, "entered": "t1"})
    assert call("POST", f"/v1/services/{service_id}/stop")[0] == 202
    assert answer(service_id) == (None, "2002")
    remove_tables(shop, service_id)
    assert load_step(reply | {"cursor": None}, None) == {"is_done": True, "cursor": None, "row_count": 0}
    plan_step({"update_id": update, "entered": "t2"})
    assert shop.service_updates.get(update).outcome == "failed"
    assert not [key for key in shop.recall_tables.rows if key[1] == "plan"], "of no version"


def test_a_version_answers_from_the_instant_on_that_it_is_switched_to(shop: Any, call: Any, answer: Any):
    """Copies of the table may be a second behind."""
    service_id = loaded(shop)
    publish(call, shop, service_id)
    shop.recall_tables.hidden = {f"{service_id}-v2"}
    assert [answer(service_id) for _ in range(2)] == [("v2", "fresh")] * 2
    shop.recall_tables.hidden = set()
    assert answer(service_id) == ("v2", "fresh")


def test_a_service_that_is_taken_over_after_a_crash_writes_nothing_again(shop: Any, call: Any, answer: Any):
    service_id = loaded(shop)
    publish(call, shop, service_id)
    before = dict(shop.recall_tables.rows)
    call("POST", f"/v1/projects/{SHOP}/strategies", {"name": "mine", "kind": "custom"})
    shop.services.change(service_id, {"running_since": text_of(shop.now())})
    assert settle_ended_execution(shop, Execution("service", service_id, 1), "ABORTED") == "CREATED"
    assert answer(service_id) == ("v2", "fresh"), "all the time"
    expires_at = plan_deployment(shop, service_id)["expires_at"]
    assert load_tables(shop, service_id, expires_at, None, lambda: True) == (None, 0)
    assert shop.recall_tables.rows == before
    assert answer(service_id) == ("v2", "fresh")


def test_an_update_goes_on_while_another_execution_takes_the_service_over(shop: Any, call: Any, answer: Any):
    service_id = loaded(shop)
    update = call("POST", f"/v1/services/{service_id}/versions", {"model": NEW})[1]["id"]
    shop.services.change(service_id, {"running_since": text_of(shop.now())})
    settle_ended_execution(shop, Execution("service", service_id, 1), "ABORTED")
    assert (run(shop, update), answer(service_id)) == ("done", ("v2", "fresh"))


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [
        ({"canary": {"share": 0.1}}, 409, "service.no_canary"),
        ({"instance_count": 2}, 400, "service.hosting"),
        ({"variant": "int8"}, 409, "variant.not_published"),
    ],
)
def test_what_tables_cannot_do_is_refused(shop: Any, call: Any, order: dict[str, Any], status: int, code: str):
    found = call("POST", f"/v1/services/{loaded(shop)}/versions", {"model": NEW} | order)
    assert (found[0], found[1]["error"]["code"]) == (status, code)
    assert found[1]["error"]["hint"]


def test_versions_that_share_instances_need_instances(shop: Any, call: Any):
    found = call("POST", f"/v1/projects/{SHOP}/services", {"model": NEW, "placement": "shared"})
    assert (found[0], found[1]["error"]["code"]) == (400, "service.hosting")


def test_the_state_machines_hand_load_tables_what_was_planned(shop: Any, call: Any):
    service_id = loaded(shop)
    update = call("POST", f"/v1/services/{service_id}/versions", {"model": NEW})[1]["id"]
    planned = {"deploy": plan_deployment(shop, service_id), "update": plan_step({"update_id": update, "entered": "t1"})}
    for machine, reply in planned.items():
        state = json.loads((MACHINES / f"{machine}.asl.json").read_text())["States"]["LoadTables"]
        wanted = re.findall(r"\$\.planned\.reply\.(\w+)", json.dumps(state["Parameters"]))
        assert set(wanted) <= set(reply)
        assert {name.removesuffix(".$") for name in state["ResultSelector"]} == set(reply["loading"])
