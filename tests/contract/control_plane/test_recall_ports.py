"""The ports Lines and RecallTables: the fakes, and S3 and DynamoDB (moto), pass the same suite."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import boto3
import pytest

from chalicelib.adapters import aws
from chalicelib.adapters.recall_tables import DynamoRecallTables
from chalicelib.adapters.s3_lines import S3Lines
from droplearn.contracts.errors import NotFound, Throttled
from tests.fake_recall import FakeLines, FakeRecallTables


@pytest.fixture(params=["fake", "dynamodb"])
def tables(request: pytest.FixtureRequest, cloud: None) -> Any:
    if request.param == "fake":
        return FakeRecallTables()
    boto3.client("dynamodb").create_table(
        TableName="recall",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    return DynamoRecallTables("recall", pause=lambda _s: None)


@pytest.fixture(params=["fake", "s3"])
def lines(request: pytest.FixtureRequest, cloud: None) -> Any:
    body = "α:1\nb\n\nlast".encode()
    if request.param == "fake":
        return FakeLines({"t.jsonl": body})
    boto3.client("s3").create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    boto3.client("s3").put_object(Bucket="artifacts", Key="t.jsonl", Body=body)
    return S3Lines({"artifacts": "artifacts", "data": "artifacts"})


def test_rows_come_back_by_table_and_key(tables: Any):
    rows = [(f"k{n}", f"v{n}") for n in range(260)]
    tables.write("service-1", "t", [*rows, ("k0", "again")], 1_800_000_000)
    tables.write("service-1", "other", [("k0", "x")], 1_800_000_000)
    wanted = [("t", key) for key, _ in rows] + [("other", "k0"), ("t", "none")]
    found = tables.read("service-1", wanted)
    assert found == {("t", key): value for key, value in rows} | {("t", "k0"): "again", ("other", "k0"): "x"}
    assert tables.read("service-1", wanted, is_consistent=True) == found
    assert tables.read("service-2", wanted) == {}
    tables.write("service-1", "t", [], 1)


def test_a_removed_row_is_gone_and_removing_twice_is_fine(tables: Any):
    tables.write("service-1", "plan", [("*", "{}")], 1_800_000_000)
    for _ in range(2):
        tables.remove("service-1", "plan", "*")
    assert tables.read("service-1", [("plan", "*")]) == {}


def test_rows_expire_by_themselves(cloud: None):
    calls = []

    def write(RequestItems: Any) -> dict[str, Any]:
        calls.append(RequestItems["recall"])
        return {"UnprocessedItems": {"recall": RequestItems["recall"][:1]}} if len(calls) < 3 else {}

    with patch.object(aws.client("dynamodb"), "batch_write_item", side_effect=write):
        DynamoRecallTables("recall", pause=lambda _s: None).write("s", "t", [("a", "1"), ("b", "2")], 1_800_000_000)
    assert [len(call) for call in calls] == [2, 1, 1], "what comes back unprocessed is sent again"
    assert calls[0][0]["PutRequest"]["Item"] == {"pk": {"S": "s#t#a"}, "v": {"S": "1"}, "expires_at": {"N": "1800000000"}}


def test_a_table_that_stays_busy_asks_to_come_back_later(cloud: None):
    refuse = lambda RequestItems: {"UnprocessedItems": RequestItems}  # noqa: E731
    with patch.object(aws.client("dynamodb"), "batch_write_item", side_effect=refuse), pytest.raises(Throttled):
        DynamoRecallTables("recall", pause=lambda _s: None).write("s", "t", [("a", "1")], 1)
    refuse = lambda RequestItems: {"Responses": {}, "UnprocessedKeys": RequestItems}  # noqa: E731
    with patch.object(aws.client("dynamodb"), "batch_get_item", side_effect=refuse), pytest.raises(Throttled):
        DynamoRecallTables("recall", pause=lambda _s: None).read("s", [("t", "a")])


def test_lines_are_read_from_any_place_on(lines: Any):
    found = list(lines.read("artifacts", "t.jsonl", 0))
    assert [line.decode() for line, _ in found] == ["α:1\n", "b\n", "\n", "last"]
    for place, (_, end) in enumerate(found):
        assert list(lines.read("artifacts", "t.jsonl", end)) == found[place + 1 :]


def test_a_file_that_is_not_there_is_named(lines: Any):
    with pytest.raises(NotFound, match=r"gone\.csv"):
        list(lines.read("data", "gone.csv", 0))
