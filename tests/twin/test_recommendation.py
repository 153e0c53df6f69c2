"""Recommendation as a user does it: drop a log, train, evaluate, deploy, ask, stop."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import urllib3

from benchmarks.serving.zero_lost import end_of_update
from droplearn.contracts.status import ServiceStatus
from droplearn.scenarios.recommendation.sample import write_sample
from tests.twin.world import World

PROJECT = "shop"


def sample_files(folder: Path, **how: Any) -> dict[str, bytes]:
    write_sample(folder, **how)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture(scope="module")
def shop(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A project with a trained model: its task."""
    world.call("POST", "/v1/projects", {"name": PROJECT, "scenario": "recommendation"})
    world.drop(PROJECT, "log", sample_files(tmp_path_factory.mktemp("shop")))
    task = world.end_of_task(world.start_task(PROJECT, "log"))
    assert task["status"] == "SUCCEEDED", task
    return task


def ask(world: World, service: dict[str, Any], body: Any) -> tuple[int, dict[str, Any]]:
    return world.ask("POST", service["url"], body, token=service["token"])


def test_a_log_is_learnt_and_evaluated_on_what_was_held_out(world: World, shop: dict[str, Any]):
    assert shop["metrics"]["ndcg_at_10"] > 0.2
    assert set(shop["metrics"]) == {"ndcg_at_10", "recall_at_10", "precision_at_10", "coverage"}
    evaluation = world.call("GET", f"/v1/evaluations/{shop['evaluation']}")
    assert (evaluation["status"], evaluation["protocol"], evaluation["example_count"]) == ("SUCCEEDED", "held_out_validation", 120)
    path = f"/v1/evaluations/{shop['evaluation']}"
    assert set(world.call("GET", f"{path}/report")["intervals"]) == {"ndcg_at_10", "recall_at_10", "precision_at_10"}
    cases = list(world.client.pages(f"{path}/bad-cases", "bad_cases", limit=7, previews="true"))
    assert len({case["path"] for case in cases}) == len(cases) == evaluation["bad_case_count"] > 7
    assert all(case["truth"] and case["given"] and case["preview_url"] is None for case in cases)
    model = world.call("GET", f"/v1/models/{shop['model']}")
    assert {name.split(" ")[0] for name in (c["name"] for c in model["candidates"])} == {"popularity", "cosine", "rp3beta", "ease", "ials"}
    tables = world.call("GET", f"/v1/models/{shop['model']}/tables")["tables"]
    assert tables == ["item_item", "popular", "topic_item", "user_item", "user_recommended", "user_topic"]


def test_a_table_is_previewed_page_by_page(world: World, shop: dict[str, Any]):
    path = f"/v1/models/{shop['model']}/tables/item_item?limit=2"
    first = world.call("GET", path)
    second = world.call("GET", f"{path}&cursor={first['next_cursor']}")
    rows = first["rows"] + second["rows"]
    assert [set(row) for row in rows] == [{"item_id", "similar_item_ids"}] * 4
    assert len({row["item_id"] for row in rows}) == 4
    assert world.ask("GET", f"/v1/models/{shop['model']}/tables/secrets")[0] == 404


def test_a_service_of_tables_answers_until_it_is_stopped(world: World, shop: dict[str, Any]):
    service = world.deploy(PROJECT, shop["model"], max_runtime_s=600)
    status, reply = ask(world, service, {"user_id": "u1", "count": 5})
    assert (status, reply["code"], reply["msg"], reply["size"], reply["errors"]) == (200, 200, "success", 5, [])
    assert {item["retrieve_id"] for item in reply["items"]} == {"item_cf"}
    history = world.call("GET", f"/v1/models/{shop['model']}/tables/user_item?limit=100")["rows"]
    had = next(row["item_ids"] for row in history if row["user_id"] == "u1")
    assert not {item["item_id"] for item in reply["items"]} & {pair.split(":")[0] for pair in had.split(",")}

    status, unknown = ask(world, service, {"user_id": "nobody", "count": 3})
    assert (status, [item["retrieve_id"] for item in unknown["items"]]) == (200, ["popular"] * 3)
    status, wrong = ask(world, service, {"count": 3})
    assert (status, wrong["code"], wrong["size"]) == (400, 400, 0)
    assert "user_id" in wrong["msg"]

    world.call("POST", f"/v1/services/{service['id']}/stop")
    world.wait_service(service["id"], ServiceStatus.STOPPED)
    status, gone = ask(world, service, {"user_id": "u1"})
    assert (status, gone["errorCode"]) == (503, "2002")


def test_own_strategies_and_filters_are_what_a_service_is_made_of(world: World, shop: dict[str, Any]):
    own = {
        "editors.csv": b"item_id,weight\nnew1,3\nnew2,2\ni1,1\n",
        "users.jsonl": b'{"user_id": "u1", "item_ids": ["a", "b"]}\n{"user_id": "u2", "item_ids": "a:2,b:1"}\n',
        "similar.csv": b'item_id,similar_item_ids\na,"x:1,y:0.5"\nb,"y:0.9,z"\n',
        "blocked.csv": b"item_id\nnew2\n",
        "pairs.csv": b"user_id,item_ids\nu2,x\n",
    }
    world.drop(PROJECT, "own", own)
    file = lambda name: {"dataset": "own", "path": name}  # noqa: E731
    tables = {"user_item": file("users.jsonl"), "item_item": file("similar.csv")}
    strategies = [
        {"name": "own_cf", "kind": "collaborative_filtering", "tables": tables, "recall_count": 3},
        {"name": "editors", "kind": "custom", "tables": {"item": file("editors.csv")}, "is_fallback": True},
    ]
    filters = [
        {"name": "blocked", "kind": "item", "table": file("blocked.csv")},
        {"name": "returned", "kind": "user_item", "table": file("pairs.csv")},
    ]
    for strategy in strategies:
        world.call("POST", f"/v1/projects/{PROJECT}/strategies", strategy)
    for one in filters:
        world.call("POST", f"/v1/projects/{PROJECT}/filters", one)
    preview = world.call("GET", f"/v1/projects/{PROJECT}/strategies/own_cf/tables/user_item")
    assert preview["rows"][0] == {"user_id": "u1", "item_ids": "a,b"}
    service = world.deploy(PROJECT, shop["model"], max_runtime_s=600)
    found = {}
    for user in ("u1", "u2"):
        _, reply = ask(world, service, {"user_id": user, "count": 4})
        found[user] = [(item["item_id"], item["retrieve_id"]) for item in reply["items"]]
    assert found["u1"][:3] == [("y", "own_cf"), ("x", "own_cf"), ("z", "own_cf")]
    assert found["u2"][:3] == [("y", "own_cf"), ("z", "own_cf"), ("new1", "editors")]
    assert "new2" not in {item for items in found.values() for item, _ in items}
    for kind, named in (("strategies", strategies), ("filters", filters)):
        for one in named:
            assert world.ask("DELETE", f"/v1/projects/{PROJECT}/{kind}/{one['name']}")[0] == 204
    world.call("POST", f"/v1/services/{service['id']}/stop")


def test_a_strategy_with_a_table_that_is_no_table_fails_the_service_with_a_hint(world: World, shop: dict[str, Any]):
    world.drop(PROJECT, "broken", {"editors.csv": b"name\nx\n"})
    path = f"/v1/projects/{PROJECT}/strategies"
    world.call("POST", path, {"name": "bad", "kind": "custom", "tables": {"item": {"dataset": "broken", "path": "editors.csv"}}})
    made = world.call("POST", f"/v1/projects/{PROJECT}/services", {"model": shop["model"]})
    look = lambda: world.call("GET", f"/v1/services/{made['id']}")  # noqa: E731
    failed = world.wait(look, lambda s: ServiceStatus(s["status"]).is_terminal)
    assert (failed["status"], failed["error"]["code"]) == ("FAILED", "table.invalid")
    assert "item_id" in failed["error"]["hint"]
    assert world.ask("DELETE", f"{path}/bad")[0] == 204


def test_other_strategies_become_a_version_that_gives_its_traffic_back(world: World, shop: dict[str, Any]):
    world.drop(PROJECT, "desk", {"desk.csv": b"item_id\nnew1\n", "broken.csv": b"name\nx\n"})
    service = world.deploy(PROJECT, shop["model"], max_runtime_s=600)
    path, strategies = f"/v1/services/{service['id']}", f"/v1/projects/{PROJECT}/strategies"

    def answered(query: str = "", user: str = "u1") -> tuple[str | None, str]:
        told = json.dumps({"user_id": user, "count": 1})
        reply = urllib3.request("POST", service["url"] + query, body=told, headers={"authorization": service["token"]})
        assert reply.status == 200, reply.data
        return reply.headers.get("x-droplearn-version"), reply.json()["items"][0]["retrieve_id"]

    def published(file: str) -> dict[str, Any]:
        world.call("POST", strategies, {"name": "desk", "kind": "custom", "tables": {"item": {"dataset": "desk", "path": file}}})
        made = world.call("POST", f"{path}/versions", {"model": shop["model"], "share": 0.5})
        done = end_of_update(world, service["id"], made["id"])
        assert world.ask("DELETE", f"{strategies}/desk")[0] == 204
        return done

    failed = published("broken.csv")
    assert (failed["outcome"], failed["error"]["code"]) == ("failed", "table.invalid"), failed
    assert answered() == ("v1", "item_cf")
    assert published("desk.csv")["outcome"] == "done"
    by_name = {"v1": ("v1", "item_cf"), "v3": ("v3", "desk")}
    assert {name: answered(f"?version={name}") for name in by_name} == by_name
    assert {answered(user=f"u{n}") for n in range(1, 21)} == set(by_name.values())
    moved = world.call("PUT", f"{path}/traffic", {"shares": {"v1": 1}})
    assert end_of_update(world, service["id"], moved["id"])["outcome"] == "done"
    assert {answered(user=f"u{n}")[0] for n in range(1, 6)} == {"v1"}
    assert world.ask("POST", f"{path}/predict?version=v3", {"user_id": "u1"}, token=service["token"])[0] == 400
    world.call("POST", f"{path}/stop")
    world.wait_service(service["id"], ServiceStatus.STOPPED)
    assert ask(world, service, {"user_id": "u1"})[0] == 503


def test_new_interactions_are_learnt_on_top_of_a_model(world: World, shop: dict[str, Any], tmp_path: Path):
    world.drop(PROJECT, "more", {"more.csv": sample_files(tmp_path, seed=1, users=140)["interactions.csv"]})
    task = world.end_of_task(world.start_task(PROJECT, "more", base_model=shop["model"]))
    assert task["status"] == "SUCCEEDED", task
    model = world.call("GET", f"/v1/models/{task['model']}")
    assert model["base_model"]["model_id"] == shop["model"]
    assert model["base_model"]["metric"] == "ndcg_at_10"
    assert model["base_model"]["example_count"] > 0
    rows = world.call("GET", f"/v1/models/{task['model']}/tables/user_item?limit=100")
    assert rows["next_cursor"] is not None, "more than a hundred users: those of both drops"


@pytest.mark.parametrize(
    ("name", "body", "code", "told"),
    [
        ("no-user", b"who,movie_id\na,1\n", "dataset.no_user_column", "who, movie_id"),
        ("too-few", b"user_id,item_id\na,1\nb,2\n", "dataset.too_few_examples", "2 pairs"),
    ],
)
def test_a_log_that_cannot_be_learnt_fails_with_a_hint(world: World, shop: dict[str, Any], name: str, body: bytes, code: str, told: str):
    world.drop(PROJECT, name, {"log.csv": body})
    task = world.end_of_task(world.start_task(PROJECT, name))
    assert (task["status"], task["error"]["code"]) == ("FAILED", code)
    assert told in task["error"]["message"]
    assert task["error"]["hint"]


def test_a_model_is_tried_with_a_question_as_its_input_and_makes_no_batch_job(world: World, shop: dict[str, Any]):
    question = base64.b64encode(json.dumps({"user_id": "nobody yet", "count": 3}).encode()).decode()
    status, told = world.ask("POST", f"/v1/models/{shop['model']}/trial", {"dataArray": [{"name": "question", "body": question}]})
    assert (status, told["trial"]["remaining"]) == (200, 4), told
    assert len(told["result"]["output"][0]["body"]) == 3
    status, refused = world.ask("POST", f"/v1/projects/{PROJECT}/batch-jobs", {"model": shop["model"], "dataset": "log"})
    assert (status, refused["error"]["code"]) == (400, "batch.not_supported")
