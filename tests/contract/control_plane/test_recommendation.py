"""A service of tables on fakes: its plan, its rows, its answers, its strategies and filters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.recall import RecallPlan
from chalicelib.service.loading_tables import MAX_RUNTIME_S, ROWS_OUTLIVE_S, load_tables, remove_tables
from chalicelib.service.services import ServiceOrder, create_service, plan_deployment
from chalicelib.service.tokens import issue_admin_token
from droplearn.contracts.errors import InvalidDataset, InvalidRequest, NotFound
from tests.contract.control_plane.http_front import CONTEXT, parsed
from tests.contract.control_plane.recall_shop import (
    EXPIRES,
    MODEL,
    SHOP,
    TABLES,
    asked,
    deployed,
    drop_own,
    items,
    loaded,
    open_shop,
    put_model,
)
from tests.unit.control_plane.things import a_model


@pytest.fixture
def shop(fake_platform: Any) -> Any:
    open_shop(fake_platform)
    return fake_platform


@pytest.fixture
def ask(shop: Any) -> Any:
    token = issue_admin_token(shop)
    return lambda service_id, body: parsed(asked(token, service_id, body))


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


def test_strategies_and_filters_are_kept_changed_listed_and_removed(shop: Any, call: Any):
    path, file = f"/v1/projects/{SHOP}/strategies", drop_own(shop, "users.csv", "user_id,item_ids\nu0,i3\n")
    strategy = {"name": "mine", "kind": "collaborative_filtering", "recall_count": 5, "tables": {"user_item": file}}
    assert call("POST", path, strategy)[0] == 201
    assert call("POST", path, strategy)[1]["error"]["code"] == "strategy.exists"
    assert call("GET", path)[1]["strategies"][0]["tables"] == {"user_item": file}
    changed = call("PATCH", f"{path}/mine", {"recall_count": 7, "tables": {}})[1]
    assert (changed["recall_count"], changed["tables"], changed["weight"]) == (7, {}, 1.0)
    assert call("DELETE", f"{path}/mine")[0] == 204
    assert call("GET", f"{path}/mine")[1]["error"]["code"] == "strategy.unknown"

    path = f"/v1/projects/{SHOP}/filters"
    assert call("POST", path, {"name": "f", "kind": "user_item", "table": file})[0] == 201
    assert call("GET", f"{path}/f/table")[1]["rows"] == [{"user_id": "u0", "item_ids": "i3"}]
    assert call("DELETE", f"{path}/f")[0] == 204


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "1st", "kind": "custom"}, "request.invalid"),
        ({"name": "x" * 21, "kind": "custom"}, "request.invalid"),
        ({"name": "a", "kind": "magic"}, "request.invalid"),
        ({"name": "a", "kind": "custom", "recall_count": 0}, "request.invalid"),
        ({"name": "a", "kind": "custom", "tables": {"user_item": {"dataset": "own", "path": "x.csv"}}}, "strategy.wrong_table"),
        ({"name": "a", "kind": "custom", "tables": {"item": {"dataset": "own", "path": "x.csv"}}}, "table.unknown"),
        ({"name": "a", "kind": "custom", "tables": {"item": {"dataset": "none", "path": "x.csv"}}}, "dataset.unknown"),
    ],
)
def test_a_strategy_that_cannot_be_is_refused(shop: Any, call: Any, body: Any, code: str):
    assert call("POST", f"/v1/projects/{SHOP}/strategies", body)[1]["error"]["code"] == code


def test_a_project_of_pictures_knows_no_strategies(shop: Any, call: Any):
    status, answer = call("POST", "/v1/projects/zoo/strategies", {"name": "a", "kind": "custom"})
    assert (status, answer["error"]["code"]) == (400, "strategy.not_here")


def test_a_project_has_at_most_ten_strategies(shop: Any, call: Any):
    path = f"/v1/projects/{SHOP}/strategies"
    codes = [call("POST", path, {"name": f"s{n}", "kind": "custom"})[0] for n in range(11)]
    assert codes == [201] * 10 + [409]


def test_a_service_answers_by_the_strategies_that_stood_when_it_was_deployed(shop: Any, call: Any, ask: Any):
    path = f"/v1/projects/{SHOP}"
    own = drop_own(shop, "similar.tsv", "item_id\tsimilar_item_ids\ni0\tnew:3,i8:1\n")
    editors = drop_own(shop, "editors.csv", "item_id,weight\nbest,2\ngone,1\n")
    blocked = drop_own(shop, "blocked.jsonl", '{"item_id": "gone"}\n')
    strategies = [
        {"name": "cf", "kind": "collaborative_filtering", "tables": {"item_item": own}},
        {"name": "desk", "kind": "custom", "tables": {"item": editors}, "weight": 2.0},
        {"name": "sea", "kind": "semantic", "is_fallback": True},
    ]
    for strategy in strategies:
        assert call("POST", f"{path}/strategies", strategy)[0] == 201
    call("POST", f"{path}/filters", {"name": "blocked", "kind": "item", "table": blocked})
    service_id = loaded(shop)
    for strategy in strategies:
        call("DELETE", f"{path}/strategies/{strategy['name']}")
    assert items(ask(service_id, {"user_id": "u0", "count": 9})) == [
        ("best", "desk"), ("new", "cf"), ("i8", "cf"), ("i5", "sea"), ("i6", "sea"),
    ]  # fmt: skip
    by_turns = items(ask(service_id, {"user_id": "u0", "count": 2, "merge": "round_robin"}))
    assert by_turns == [("new", "cf"), ("best", "desk")]
    plan = RecallPlan.from_text(shop.recall_tables.rows[service_id, "plan", "*"][0])
    assert [source.name for source in plan.sources] == ["cf", "desk", "sea"]


@pytest.mark.parametrize(
    ("name", "body", "told"),
    [
        ("a.csv", "item,weight\nx,1\n", "columns are item, weight"),
        ("a.csv", "", "missing"),
        ("a.csv", "item_id,weight\nx,1,2\n", "3 cells"),
        ("a.jsonl", '{"item_id": "x"}\n[]\n', "no 'item_id'"),
        ("a.jsonl", "{broken\n", "no JSON"),
        ("a.xlsx", "PK", "kind is unknown"),
    ],
)
def test_a_file_that_is_no_table_is_named_with_what_is_wrong(shop: Any, call: Any, name: str, body: str, told: str):
    strategy = {"name": "a", "kind": "custom", "tables": {"item": drop_own(shop, name, body)}}
    call("POST", f"/v1/projects/{SHOP}/strategies", strategy)
    with pytest.raises(InvalidDataset, match=r"table\.invalid") as caught:
        load_tables(shop, deployed(shop), EXPIRES, None, lambda: True)
    assert told in caught.value.message
    assert name in caught.value.message


def test_a_list_that_is_too_long_and_a_file_that_is_gone_and_a_model_without_topics_fail(shop: Any, call: Any):
    path = f"/v1/projects/{SHOP}/strategies"
    long = drop_own(shop, "long.csv", "item_id\n" + "".join(f"i{n}\n" for n in range(10_001)))
    call("POST", path, {"name": "a", "kind": "custom", "tables": {"item": long}})
    with pytest.raises(InvalidDataset, match=r"table\.too_long"):
        load_tables(shop, deployed(shop), EXPIRES, None, lambda: True)
    shop.lines.dropped.clear()
    with pytest.raises(NotFound, match=r"table\.unknown"):
        load_tables(shop, deployed(shop), EXPIRES, None, lambda: True)
    call("DELETE", f"{path}/a")
    put_model(shop, {name: rows for name, rows in TABLES.items() if "topic" not in name})
    call("POST", path, {"name": "b", "kind": "semantic"})
    with pytest.raises(InvalidRequest, match=r"strategy\.no_table"):
        load_tables(shop, deployed(shop), EXPIRES, None, lambda: True)


def test_a_models_tables_are_listed_and_previewed(shop: Any, call: Any):
    model = f"/v1/models/{MODEL}"
    assert call("GET", f"{model}/tables")[1]["tables"] == sorted(TABLES)
    seen, cursor = [], ""
    while cursor is not None:
        page = call("GET", f"{model}/tables/item_item", query=f"limit=2{cursor and '&cursor=' + cursor}")[1]
        seen, cursor = seen + page["rows"], page["next_cursor"]
    assert seen == TABLES["item_item"]
    assert call("GET", f"{model}/tables/nothing")[1]["error"]["code"] == "table.unknown"
    assert call("GET", f"{model}/tables/item_item", query="cursor=e30")[1]["error"]["code"] == "cursor.invalid"


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
