"""The port Records: the fake and DynamoDB (moto) pass the same suite."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any
from unittest.mock import patch

import pytest
from moto import mock_aws

from chalicelib.adapters import aws
from chalicelib.adapters.items import from_item, to_item
from chalicelib.adapters.records import TableRecords
from chalicelib.domain.budget import Admission, Budget, Hold, admissions_of
from chalicelib.domain.project import Project
from chalicelib.domain.request import Request
from chalicelib.domain.task import Task, tasks_of
from droplearn.contracts.errors import InvalidRequest, NotFound, Throttled
from tests.contract.control_plane.conftest import CREDENTIALS
from tests.contract.control_plane.test_example_store import create_table
from tests.fakes import FakePlatform, FakeRecords

NOW = "2026-01-01T00:00:00.000Z"


def task(number: int = 0, **fields: Any) -> Task:
    given: dict[str, Any] = {
        "id": f"task-{number:026d}",
        "project": "动物园",
        "dataset": "d",
        "scenario": "image_classification",
        "settings": {"seed": 1, "hyper_parameters": {"learning_rate": 3e-4}},
        "status": "CREATED",
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Task(**(given | fields))


@pytest.fixture(params=["fake", "dynamodb"])
def make(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "fake":
        yield FakeRecords
        return
    with patch.dict(os.environ, CREDENTIALS), mock_aws():
        aws.client.cache_clear()
        create_table()
        yield lambda kind: TableRecords("table", kind)
        aws.client.cache_clear()


def test_what_is_added_comes_back_the_same(make: Any):
    tasks = make(Task)
    given = task(metrics={"top1_accuracy": 0.1, "whole": 1.0}, warnings=["猫"], error={"code": "c", "message": "m", "hint": ""})
    assert tasks.add(given) is True
    assert tasks.get(given.id) == given
    assert tasks.get("task-none") is None


def test_many_are_read_at_once_and_what_is_not_there_is_left_out(make: Any):
    tasks = make(Task)
    made = [task(number) for number in range(130)]
    for one in made:
        tasks.add(one)
    keys = [one.id for one in made]
    assert tasks.get_many([*keys, "task-none", keys[0]]) == {one.id: one for one in made}
    assert tasks.get_many([]) == {}
    assert make(Project).get_many(keys[:1]) == {}, "another kind"


def test_adding_twice_keeps_the_first(make: Any):
    tasks = make(Task)
    tasks.add(task())
    assert tasks.add(task(status="FAILED")) is False
    assert tasks.get(task().id).status == "CREATED"


def test_put_writes_over_what_was_there(make: Any):
    tasks = make(Task)
    tasks.add(task())
    tasks.put(task(status="FAILED"))
    assert tasks.get(task().id).status == "FAILED"


def test_a_change_is_made_only_if_all_conditions_hold(make: Any):
    tasks = make(Task)
    tasks.add(task())
    only_if = {"status": ["CREATED", "PREPARING"], "attempt": [1]}
    assert tasks.change(task().id, {"status": "TRAINING"}, only_if=only_if) == task(status="TRAINING")
    assert tasks.change(task().id, {"status": "FAILED"}, only_if=only_if) is None
    assert tasks.change(task().id, {"status": "FAILED"}, only_if={"attempt": [2]}) is None
    assert tasks.get(task().id).status == "TRAINING"


def test_a_change_to_none_takes_a_field_away(make: Any):
    tasks = make(Task)
    tasks.add(task(model="m", ended_at=NOW))
    assert tasks.change(task().id, {"model": None, "name": "n"}) == task(ended_at=NOW, name="n")
    assert tasks.change(task().id, {"ended_at": None}).ended_at is None


def test_what_is_not_there_is_not_changed(make: Any):
    assert make(Task).change("task-none", {"status": "FAILED"}) is None


def test_numbers_count_up_and_an_unknown_record_is_an_error(make: Any):
    projects = make(Project)
    projects.add(Project(name="p", scenario="image_classification", created_at=NOW))
    assert [projects.increment("p", "model_count") for _ in range(3)] == [1, 2, 3]
    with pytest.raises(NotFound):
        projects.increment("q", "model_count")


def test_a_removed_record_is_gone_and_removing_twice_is_fine(make: Any):
    tasks = make(Task)
    tasks.add(task())
    for _ in range(2):
        tasks.remove(task().id)
    assert tasks.get(task().id) is None


@pytest.mark.parametrize("is_newest_first", [False, True])
def test_a_listing_is_paged_in_order_without_gaps(make: Any, is_newest_first: bool):
    tasks = make(Task)
    for number in range(7):
        tasks.add(task(number))
    tasks.add(task(99, project="another"))
    seen, cursor = [], None
    while True:
        page = tasks.page(tasks_of("动物园"), 3, cursor, is_newest_first=is_newest_first)
        assert len(page.items) <= 3
        seen += [int(t.id[-2:]) for t in page.items]
        if (cursor := page.cursor) is None:
            break
    assert seen == (list(range(7)) if not is_newest_first else list(range(6, -1, -1)))


@pytest.mark.parametrize("cursor", ["?", "e30", "bm8", "eyJwayI6MX0", "x" * 99])
def test_a_cursor_of_ones_own_making_is_refused(make: Any, cursor: str):
    with pytest.raises(InvalidRequest, match=r"cursor\.invalid"):
        make(Task).page(tasks_of("p"), 3, cursor)


def test_a_cursor_of_another_list_is_refused(make: Any):
    tasks = make(Task)
    for number in range(3):
        tasks.add(task(number))
    cursor = tasks.page(tasks_of("动物园"), 1).cursor
    with pytest.raises(InvalidRequest, match=r"cursor\.invalid"):
        tasks.page(tasks_of("another"), 1, cursor)


def test_an_item_has_the_keys_of_the_table_reference():
    item = to_item(task())
    assert item["pk"] == {"S": f"TASK#{task().id}"}
    assert item["sk"] == {"S": "TASK"}
    assert item["listed_in"] == {"S": "PROJECT#动物园#TASKS"}
    assert "model" not in item, "None is not stored"
    assert from_item(Task, item | {"of_a_later_release": {"S": "x"}}) == task()
    assert "listed_in" not in to_item(Request("r", "d", "m", NOW, 1))


def test_numbers_as_large_and_as_small_as_dynamodb_keeps_them_come_back(cloud: None):
    create_table()
    budgets = TableRecords("table", Budget)
    for usd, kept in ((1e7, 1e7), (0.1 + 0.2, 0.1 + 0.2), (-0.0, 0), (1e-120, 1e-120), (1e-200, 0), (5e-324, 0)):
        budgets.put(Budget("zoo", usd, NOW, "token-1"))
        assert budgets.get("zoo").usd == kept
    with pytest.raises(TypeError, match="NaN"):
        budgets.put(Budget("zoo", float("nan"), NOW, "token-1"))


def test_a_record_can_be_changed_by_a_state_machine_in_between(make: Any):
    """The state machines write single attributes of the same item."""
    tasks = make(Task)
    tasks.add(task())
    tasks.change(task().id, {"status": "PREPARING"})
    assert tasks.get(task().id) == replace(task(), status="PREPARING")


@pytest.mark.parametrize("kind", [kept.record_type for kept in vars(FakePlatform()).values() if isinstance(kept, FakeRecords)])
def test_what_is_not_stored_has_a_default(kind: Any):
    optional = [f.name for f in fields(kind) if "None" in str(f.type)]
    assert [name for name in optional if kind.__dataclass_fields__[name].default is not None] == []


def test_of_two_admissions_to_a_budget_that_were_read_together_one_is_written(make: Any):
    budgets = make(Budget)
    hold = Hold(subject="task-1", field="attempt", at_least=1, hours={"ml.m5.xlarge": 0.5}, at=NOW)
    budgets.add(Budget("zoo", 12.5, NOW, "token-1"))
    first = budgets.change("zoo", {"holds": [hold], "revision": 1}, only_if={"revision": [0]})
    assert first == Budget("zoo", 12.5, NOW, "token-1", revision=1, holds=[hold]) == budgets.get("zoo")
    assert budgets.change("zoo", {"holds": [], "revision": 1}, only_if={"revision": [0]}) is None


def test_admissions_are_listed_by_time(make: Any):
    admissions = make(Admission)
    for number, at in enumerate(("2026-01-02", "2026-01-03", "2026-01-01")):
        admissions.put(Admission(f"task-{number}-a2", "zoo", f"task-{number}", f"{at}T00:00:00.000Z", 2_000_000_000))
    found = admissions.page(admissions_of("zoo"), 10, is_newest_first=True).items
    assert [admission.subject for admission in found] == ["task-1", "task-0", "task-2"]


def test_keys_that_dynamodb_leaves_unread_are_asked_for_again_later_but_not_for_ever(cloud: None):
    create_table()
    waited: list[float] = []
    tasks = TableRecords("table", Task, pause=waited.append)
    made = [task(number) for number in range(3)]
    for one in made:
        tasks.add(one)
    real = aws.client("dynamodb").batch_get_item

    def one_at_a_time(*, RequestItems: dict[str, Any]) -> dict[str, Any]:
        keys = RequestItems["table"]["Keys"]
        found = real(RequestItems={"table": RequestItems["table"] | {"Keys": keys[:1]}})
        return found | {"UnprocessedKeys": {"table": {"Keys": keys[1:]}} if keys[1:] else {}}

    with patch.object(aws.client("dynamodb"), "batch_get_item", one_at_a_time):
        assert tasks.get_many(one.id for one in made) == {one.id: one for one in made}
    assert len(waited) == 2
    none = lambda RequestItems: {"Responses": {}, "UnprocessedKeys": RequestItems}  # noqa: E731
    with patch.object(aws.client("dynamodb"), "batch_get_item", none), pytest.raises(Throttled):
        tasks.get_many([made[0].id])
