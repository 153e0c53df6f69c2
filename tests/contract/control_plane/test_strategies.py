"""Strategies and filters of a recommendation project on fakes: kept, refused, answered by; and the tables that they are made of."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.recall import RecallPlan
from chalicelib.service.loading_tables import load_tables
from droplearn.contracts.errors import InvalidDataset, InvalidRequest, NotFound
from tests.contract.control_plane.recall_shop import (
    EXPIRES,
    MODEL,
    SHOP,
    TABLES,
    deployed,
    drop_own,
    items,
    loaded,
    put_model,
)


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
