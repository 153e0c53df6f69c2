"""A service of tables on fakes: its plan, its rows, its answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.service.loading_tables import MAX_RUNTIME_S, ROWS_OUTLIVE_S, load_tables, remove_tables
from chalicelib.service.services import ServiceOrder, create_service, plan_deployment
from tests.contract.control_plane.http_front import CONTEXT
from tests.contract.control_plane.recall_shop import (
    EXPIRES,
    TABLES,
    deployed,
    items,
    loaded,
    put_model,
)
from tests.unit.control_plane.things import a_model


def test_the_registry_says_that_a_service_is_tables_and_no_endpoint(shop: Any):
    service_id = deployed(shop)
    plan = plan_deployment(shop, service_id)
    assert (plan["serving"], plan["loading"]) == ("tables", {"is_done": False, "cursor": None})
    assert plan["expires_at"] == int(shop.now().timestamp()) + MAX_RUNTIME_S + ROWS_OUTLIVE_S
    pictures = create_service(shop, ServiceOrder(project="zoo", model=a_model(shop).id)).service
    assert plan_deployment(shop, pictures.id)["serving"] == "endpoint"


def test_rows_are_loaded_in_pieces_and_the_plan_comes_last(shop: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("chalicelib.service.loading_tables.CHUNK", 2)
    service_id = deployed(shop)
    cursor, steps = None, 0
    while True:
        done = load_tables(shop, service_id, EXPIRES, json.loads(json.dumps(cursor)), lambda: False)
        cursor, steps = done.cursor, steps + 1
        if cursor is None:
            break
        assert (service_id, "plan", "*") not in shop.recall_tables.rows
    whole = deployed(shop)
    load_tables(shop, whole, EXPIRES, None, lambda: True)
    of = lambda one: {key[1:]: row for key, row in shop.recall_tables.rows.items() if key[0] == one}  # noqa: E731
    assert of(service_id) == of(whole)
    assert steps > 6
    assert {row[1] for row in of(whole).values()} == {EXPIRES}


def test_a_service_that_is_stopped_while_it_loads_is_not_loaded_further(shop: Any):
    service_id = deployed(shop, "STOPPING")
    assert load_tables(shop, service_id, EXPIRES, None, lambda: True).cursor is None
    assert shop.recall_tables.rows == {}


def test_by_default_the_models_list_comes_first_then_topics_then_what_is_popular(shop: Any, ask: Any):
    service_id = loaded(shop)
    reply = ask(service_id, {"user_id": "u0", "count": 6})
    assert reply[1] | {"items": []} == {
        "code": 200, "msg": "success", "request_id": CONTEXT.aws_request_id, "size": 6, "items": [], "errors": [],
    }  # fmt: skip
    assert items(reply) == [
        ("i7", "item_cf"), ("i8", "item_cf"), ("i5", "topics"), ("i6", "topics"), ("i2", "popular"), ("i3", "popular"),
    ]  # fmt: skip
    assert items(ask(service_id, {"user_id": "u2", "count": 2})) == [("i5", "item_cf"), ("i4", "item_cf")], "no list: item by item"
    assert items(ask(service_id, {"user_id": "u9", "count": 1})) == [("i5", "topics")]
    assert items(ask(service_id, {"user_id": "new", "count": 2})) == [("i0", "popular"), ("i1", "popular")]


def test_a_known_user_is_answered_with_one_read_once_the_plan_is_known(shop: Any, ask: Any):
    service_id = loaded(shop)
    ask(service_id, {"user_id": "u1"})
    shop.recall_tables.reads.clear()
    ask(service_id, {"user_id": "u0", "count": 2})
    assert len(shop.recall_tables.reads) == 1
    shop.recall_tables.reads.clear()
    ask(service_id, {"user_id": "u2", "count": 2})
    assert len(shop.recall_tables.reads) == 2


def test_a_model_whose_users_want_new_things_only_never_repeats_and_another_may(shop: Any, ask: Any):
    put_model(shop, TABLES, exclude_seen=False)
    assert ("i1", "item_cf") in items(ask(loaded(shop), {"user_id": "u0", "count": 9}))


def test_a_removed_service_answers_no_more_although_its_rows_are_still_there(shop: Any, ask: Any):
    service_id = loaded(shop)
    assert ask(service_id, {"user_id": "u0"})[0] == 200
    remove_tables(shop, service_id)
    status, reply = ask(service_id, {"user_id": "u0"})
    assert (status, reply["errorCode"]) == (503, "2002")
    assert (service_id, "popular", "*") in shop.recall_tables.rows


@pytest.mark.parametrize(
    "body",
    [b"", b"[1]", b"{", {"count": 1}, {"user_id": ""}, {"user_id": True}, {"user_id": "u", "count": 0}, {"user_id": "u", "count": "3"},
     {"user_id": "u", "count": 1001}, {"user_id": "u", "merge": "x"}, {"user_id": "x" * 1001}, b'{"user_id": "\\ud800"}'],
)  # fmt: skip
def test_a_wrong_question_is_refused_in_the_form_of_an_answer(shop: Any, ask: Any, body: Any):
    status, reply = ask(loaded(shop), body)
    assert (status, reply["code"], reply["size"], reply["items"]) == (400, 400, 0, [])
    assert reply["errors"][0]["code"] == "request.invalid"
    assert reply["msg"]


def test_a_number_is_a_user_too(shop: Any, ask: Any):
    assert ask(loaded(shop), {"user_id": 7})[0] == 200


def test_a_popularity_model_recommends_what_is_popular(shop: Any, ask: Any):
    put_model(shop, {name: TABLES[name] for name in ("user_item", "item_item", "popular")})
    assert items(ask(loaded(shop), {"user_id": "u0", "count": 2})) == [("i2", "popular"), ("i3", "popular")]


def test_the_hot_path_loads_neither_powertools_nor_pydantic():
    code = (
        "import sys, chalicelib.api.predict, chalicelib.api.recommend, chalicelib.domain.service, chalicelib.adapters.recall_tables;"
        "print([m for m in ('pydantic', 'aws_lambda_powertools', 'numpy') if m in sys.modules])"
    )
    path = os.pathsep.join(str(Path(__file__).parents[3] / part) for part in ("src", "functions"))
    found = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
