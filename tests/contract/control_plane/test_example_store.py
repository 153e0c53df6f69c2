"""The port ExampleStore: the fake and DynamoDB (moto) pass the same suite."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from moto import mock_aws

from chalicelib.adapters import aws, example_removal
from chalicelib.adapters.example_store import SHARDS, TableExampleStore
from chalicelib.domain.cursors import encode_cursor
from chalicelib.domain.example import Example, Replacement, total
from chalicelib.domain.indexing import TOMBSTONE_LIFE_S, pad_sequencer
from chalicelib.ports import WriteConflict
from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.errors import InvalidRequest
from tests.contract.control_plane.conftest import CREDENTIALS
from tests.fake_drops import FakeExampleStore

NOW = datetime(2026, 1, 1, 12, 0, 0, 123000, tzinfo=UTC)


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "fake":
        yield FakeExampleStore()
        return
    with patch.dict(os.environ, CREDENTIALS), mock_aws():
        aws.client.cache_clear()
        create_table()
        yield TableExampleStore("table", "data")
        aws.client.cache_clear()


def create_table() -> None:
    keys = ("pk", "sk", "listed_in", "listed_at")
    schema = [[{"AttributeName": h, "KeyType": "HASH"}, {"AttributeName": r, "KeyType": "RANGE"}] for h, r in (keys[:2], keys[2:])]
    boto3.client("dynamodb").create_table(
        TableName="table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=schema[0],
        GlobalSecondaryIndexes=[{"IndexName": "listing", "KeySchema": schema[1], "Projection": {"ProjectionType": "ALL"}}],
    )


def example(path: str, number: int = 1, status: str = "labelled", **more: Any) -> Example:
    label = path.split("/")[0] if status == "labelled" else None
    reason = "hidden_file" if status == "skipped" else None
    return Example(path, ExampleStatus(status), pad_sequencer(f"{number:X}"), "etag", 7, label, reason, "2026-01-01T00:00:00Z", **more)


def write(store: Any, *changes: tuple[Example | None, Example], now: datetime = NOW) -> None:
    replacements = [Replacement(old, new) for old, new in changes]
    store.write("p", "d", replacements, total(r.tally for r in replacements), now)


def test_what_was_written_is_read_again(store: Any):
    written = [
        example("猫/😀 +%.jpg"),
        example("x.png", status="unlabelled"),
        example(".a", status="skipped"),
        example("y.png", status="deleted"),
    ]
    write(store, *((None, e) for e in written))
    assert store.read("p", "d", [e.path for e in written] + ["cat/none.jpg"]) == {e.path: e for e in written}
    assert store.read("p", "other", ["x.png"]) == {}


def test_counts_follow_every_replacement(store: Any):
    first, second, third = example("cat/1.jpg", 1), example("cat/2.jpg", 1), example("a.png", 1, "unlabelled")
    write(store, (None, first), (None, second), (None, third))
    write(store, (first, example("cat/1.jpg", 2, "deleted")), (None, example(".x", 1, "skipped")), now=NOW.replace(hour=13))
    counts = store.counts("p", "d")
    assert (counts.labels, counts.skipped, counts.unlabelled, counts.size_bytes) == ({"cat": 1}, {"hidden_file": 1}, 1, 14)
    assert counts.last_event_at == "2026-01-01T13:00:00.123Z"
    assert counts.content > 0
    write(store, (second, example("cat/2.jpg", 2, "deleted")))
    assert store.counts("p", "d").content == 0


def test_a_tombstone_alone_counts_nothing(store: Any):
    write(store, (None, example("cat/1.jpg", 1, "deleted")))
    counts = store.counts("p", "d")
    assert (counts.labels, counts.size_bytes, counts.last_event_at) == ({}, 0, "2026-01-01T12:00:00.123Z")


def test_a_dataset_without_events_counts_nothing(store: Any):
    counts = store.counts("p", "d")
    assert (counts.labels, counts.labelled, counts.last_event_at) == ({}, 0, None)


def test_a_dataset_is_removed_whole_and_no_other(store: Any):
    for start in range(0, 120, 60):
        write(store, *((None, example(f"cat/{n}.jpg")) for n in range(start, start + 60)))
    write(store, (None, example("gone.jpg", status="deleted")))
    store.write("p", "d2", [Replacement(None, example("cat/1.jpg"))], {"label:cat": 1}, NOW)
    assert store.remove_all("p", "d", lambda: False) is False
    assert store.counts("p", "d").labels == {"cat": 120}
    for _ in range(2):
        assert store.remove_all("p", "d", lambda: True) is True
        assert (list(store.read_all("p", "d")), store.read("p", "d", ["gone.jpg"])) == ([], {})
        assert store.counts("p", "d").last_event_at is None
    assert [e.path for e in store.read_all("p", "d2")] == ["cat/1.jpg"]
    assert store.counts("p", "d2").labels == {"cat": 1}


def test_a_removal_goes_on_page_by_page(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(example_removal, "_AT_ONCE", 7)
    with patch.dict(os.environ, CREDENTIALS), mock_aws():
        aws.client.cache_clear()
        create_table()
        store, looks = TableExampleStore("table", "data"), iter([True, True, False])
        write(store, *((None, example(f"cat/{n}.jpg")) for n in range(30)))
        assert store.remove_all("p", "d", lambda: next(looks)) is False
        assert len(list(store.read_all("p", "d"))) == 16
        assert store.remove_all("p", "d", lambda: True) is True
        assert list(store.read_all("p", "d")) == []
        aws.client.cache_clear()


def test_a_write_on_an_outdated_reading_changes_nothing(store: Any):
    first, second, third = (example("cat/1.jpg", n) for n in (1, 2, 3))
    write(store, (None, first))
    write(store, (first, second))
    for changes in ([(None, third)], [(first, third)], [(None, example("cat/new.jpg")), (first, third)]):
        with pytest.raises(WriteConflict):
            write(store, *changes)
    assert store.read("p", "d", ["cat/1.jpg", "cat/new.jpg"]) == {"cat/1.jpg": second}
    assert store.counts("p", "d").labels == {"cat": 1}


def test_a_full_transaction_of_long_keys_and_ninety_nine_labels_is_written(store: Any):
    examples = [example(f"{n:03d}" + "长" * 60 + "/" + "x" * 830) for n in range(99)]
    write(store, *((None, e) for e in examples))
    assert len(store.counts("p", "d").labels) == 99
    assert len(store.read("p", "d", [e.path for e in examples])) == 99


def test_labels_may_be_named_like_attributes(store: Any):
    names = ["pk", "sk", "last_event_at", "unlabelled", "size_bytes", "#", ":now", "a.b", "label:x"]
    write(store, *((None, example(f"{name}/1.jpg")) for name in names))
    assert store.counts("p", "d").labels == dict.fromkeys(names, 1)


def test_all_examples_come_sorted_by_path_without_tombstones(store: Any):
    paths = ["b/2.jpg", "a/1.jpg", "ä/1.jpg", "a/10.jpg", "猫/1.jpg", "😀/1.jpg", "B/1.jpg"]
    write(store, *((None, example(path)) for path in paths), (None, example("c/1.jpg", status="deleted")))
    found = list(store.read_all("p", "d"))
    assert [e.path for e in found] == sorted(paths)
    assert {(e.status, e.etag, e.size_bytes) for e in found} == {(ExampleStatus.LABELLED, "etag", 7)}
    assert [e.label for e in found] == [path.split("/")[0] for path in sorted(paths)]
    assert {e.changed_at for e in found} == {"2026-01-01T00:00:00Z"}, "a batch job that is restarted asks again about what has changed"


@pytest.fixture
def mixed(store: Any) -> Any:
    examples = [example(f"{label}/{n}.jpg") for label in ("cat", "dog") for n in range(7)]
    examples += [example(f"{n}.png", status="unlabelled") for n in range(5)] + [example(f".{n}", status="skipped") for n in range(4)]
    write(store, *((None, e) for e in examples), (None, example("gone.jpg", status="deleted")))
    return store


def pages(store: Any, status: str | None, label: str | None, limit: int) -> list[list[str]]:
    found, cursor = [], None
    while True:
        page = store.page("p", "d", status, label, limit, cursor)
        found.append([e.path for e in page.items])
        cursor = page.cursor
        if cursor is None:
            return found


@pytest.mark.parametrize(
    ("status", "label", "count"),
    [(None, None, 23), ("labelled", None, 14), ("labelled", "cat", 7), (None, "dog", 7), ("unlabelled", None, 5), ("skipped", None, 4)],
)
@pytest.mark.parametrize("limit", [1, 3, 7, 50])
def test_pages_hold_all_of_what_was_asked_for_once_and_in_order(mixed: Any, status: str | None, label: str | None, count: int, limit: int):
    found = pages(mixed, status, label, limit)
    paths = [path for page in found for path in page]
    assert paths == sorted(paths)
    assert len(paths) == len(set(paths)) == count
    assert all(len(page) <= limit for page in found)
    assert len(found) <= count // limit + 1


@pytest.mark.parametrize("cursor", ["nonsense", "AAAA", encode_cursor({"pk": "EXAMPLES#other/d"}), encode_cursor({"path": 3})])
def test_a_foreign_cursor_is_refused(mixed: Any, cursor: str):
    with pytest.raises(InvalidRequest) as caught:
        mixed.page("p", "d", "labelled", "cat", 3, cursor)
    assert caught.value.code == "cursor.invalid"


def test_a_cursor_never_leads_into_another_dataset(mixed: Any):
    page = mixed.page("p", "other", "labelled", "cat", 3, encode_cursor({"path": "cat/0.jpg"}))
    assert page.items == []


def test_tombstones_expire_and_counters_are_spread():
    with patch.dict(os.environ, CREDENTIALS), mock_aws():
        aws.client.cache_clear()
        create_table()
        store = TableExampleStore("table", "data")
        for n in range(60):
            write(store, (None, example(f"cat/{n}.jpg", status="deleted" if n == 0 else "labelled")))
        items = boto3.client("dynamodb").scan(TableName="table")["Items"]
        aws.client.cache_clear()
    shards = [item for item in items if item["sk"]["S"].startswith("COUNT#")]
    assert SHARDS / 2 < len(shards) <= SHARDS
    (tombstone,) = [item for item in items if item.get("status") == {"S": "deleted"}]
    assert int(tombstone["expires_at"]["N"]) == int(NOW.timestamp()) + TOMBSTONE_LIFE_S
    assert "listed_in" not in tombstone
