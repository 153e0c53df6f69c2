"""DynamoDB on the twin: queries look only at the items of their key, transactions copy no table, and what they answer is DynamoDB's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.twin_fixtures import Aws

KEYS = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk", "label")],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by_label",
            "KeySchema": [{"AttributeName": "label", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "ALL"},
        },
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


def item(pk: str, sk: str, **more: str) -> dict[str, Any]:
    return {name: {"S": value} for name, value in {"pk": pk, "sk": sk, **more}.items()}


# ------------------------------------------------------------------------------------ the repaired backend, in this process
@pytest.fixture(scope="module")
def backend() -> Iterator[Any]:
    from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
    from moto.dynamodb.models.table import Table

    from twin.dynamodb import indexes, transactions

    before = {cls: dict(vars(cls)) for cls in (DynamoDBBackend, Table)}
    indexes.install()
    transactions.install()
    backend = dynamodb_backends["123456789012"]["eu-west-1"]
    backend.create_table("t", schema=KEYS["KeySchema"], attr=KEYS["AttributeDefinitions"], global_indexes=KEYS["GlobalSecondaryIndexes"],
                         billing_mode="PAY_PER_REQUEST", throughput=None, indexes=[], streams=None, sse_specification=None, tags=[],
                         deletion_protection_enabled=False, warm_throughput=None)  # fmt: skip
    for i in range(10_000):
        backend.put_item("t", item(f"p{i % 100}", f"{i:05}", label=f"l{i % 500}"))
    yield backend
    for cls, attributes in before.items():
        for name in ("query", "put_item", "delete_item", "all_items", "update_item", "transact_write_items"):
            if name in attributes:
                setattr(cls, name, attributes[name])
    backend.tables.clear()


def query(backend: Any, index: str | None, name: str, value: str) -> list[str]:
    items, _, _ = backend.query(
        "t", {"S": value}, None, [], 1000, None, True, None, index_name=index, hash_key_conditions=[(name, {"S": value})]
    )
    return [found.attrs["sk"].value for found in items]


def examined() -> int:
    from twin.dynamodb.indexes import examined as count

    return int(count.count)


def test_query_examines_only_the_items_of_its_key(backend: Any) -> None:
    assert query(backend, None, "pk", "p7") == [f"{i:05}" for i in range(7, 10_000, 100)]
    assert examined() == 100


def test_query_of_an_index_examines_only_the_items_of_its_key(backend: Any) -> None:
    assert query(backend, "by_label", "label", "l9") == [f"{i:05}" for i in range(9, 10_000, 500)]
    assert examined() == 20


def test_index_follows_puts_updates_and_deletes(backend: Any) -> None:
    query(backend, "by_label", "label", "fresh")
    backend.put_item("t", item("new", "1", label="fresh"))
    backend.put_item("t", item("new", "2", label="fresh"))
    backend.put_item("t", item("new", "3"))
    assert query(backend, "by_label", "label", "fresh") == ["1", "2"]
    values = {":l": {"S": "moved"}}
    key = {"pk": {"S": "new"}, "sk": {"S": "1"}}
    backend.update_item("t", key, "SET label = :l", {}, values)
    assert query(backend, "by_label", "label", "fresh") == ["2"]
    assert query(backend, "by_label", "label", "moved") == ["1"]
    backend.put_item("t", item("new", "2", label="moved"))
    backend.update_item("t", {"pk": {"S": "new"}, "sk": {"S": "3"}}, "SET label = :l", {}, values)
    assert query(backend, "by_label", "label", "moved") == ["1", "2", "3"]
    backend.delete_item("t", key)
    backend.update_item("t", {"pk": {"S": "new"}, "sk": {"S": "3"}}, "REMOVE label", {}, {})
    assert query(backend, "by_label", "label", "moved") == ["2"]
    assert query(backend, "by_label", "label", "fresh") == []


def test_transaction_copies_no_table(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.dynamodb.models.table import Table

    def refuse(_table: Any, _memo: Any) -> None:
        raise AssertionError("a table was copied")

    monkeypatch.setattr(Table, "__deepcopy__", refuse, raising=False)
    backend.transact_write_items([{"Put": {"TableName": "t", "Item": item("tx", "1")}}])
    assert query(backend, None, "pk", "tx") == ["1"]


def test_failed_transaction_undoes_what_it_has_done(backend: Any) -> None:
    from moto.dynamodb.exceptions import TransactionCanceledException

    backend.put_item("t", item("undo", "old", label="before"))
    key = {"pk": {"S": "undo"}, "sk": {"S": "old"}}
    operations = [
        {"Put": {"TableName": "t", "Item": item("undo", "new", label="after")}},
        {
            "Update": {
                "TableName": "t",
                "Key": key,
                "UpdateExpression": "SET label = :l",
                "ExpressionAttributeValues": {":l": {"S": "after"}},
            }
        },
        {"Delete": {"TableName": "t", "Key": {"pk": {"S": "p1"}, "sk": {"S": "00001"}}}},
        {"ConditionCheck": {"TableName": "t", "Key": item("undo", "none"), "ConditionExpression": "attribute_exists(pk)"}},
    ]
    with pytest.raises(TransactionCanceledException):
        backend.transact_write_items(operations)
    assert query(backend, None, "pk", "undo") == ["old"]
    assert query(backend, "by_label", "label", "after") == []
    assert query(backend, "by_label", "label", "before") == ["old"]
    assert "00001" in query(backend, None, "pk", "p1")


# ------------------------------------------------------------------------------------------------- over the API of a twin
@pytest.fixture(scope="module")
def dynamodb(aws: Aws) -> Any:
    client = aws.client("dynamodb")
    client.create_table(TableName="t", **KEYS)
    return client


def test_only_one_of_many_conditional_writes_wins(dynamodb: Any) -> None:
    barrier = threading.Barrier(8)

    def put(i: int) -> bool:
        barrier.wait()
        try:
            dynamodb.put_item(TableName="t", Item=item("race", "1", winner=str(i)), ConditionExpression="attribute_not_exists(pk)")
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(put, range(8))) == 1


def test_concurrent_counters_lose_no_update(dynamodb: Any) -> None:
    def add(_: int) -> None:
        values = {":one": {"N": "1"}}
        dynamodb.update_item(TableName="t", Key=item("counter", "1"), UpdateExpression="ADD n :one", ExpressionAttributeValues=values)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(80)))
    assert dynamodb.get_item(TableName="t", Key=item("counter", "1"))["Item"]["n"]["N"] == "80"


def test_cancelled_transaction_tells_its_reasons(dynamodb: Any) -> None:
    dynamodb.put_item(TableName="t", Item=item("reasons", "taken", label="x"))
    taken = {
        "TableName": "t",
        "Item": item("reasons", "taken"),
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    free = {"TableName": "t", "Item": item("reasons", "free")}
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as caught:
        dynamodb.transact_write_items(TransactItems=[{"Put": free}, {"Put": taken}])
    first, second = caught.value.response["CancellationReasons"]
    assert first["Code"] == "None"
    assert second["Code"] == "ConditionalCheckFailed"
    assert second["Item"]["label"] == {"S": "x"}
    assert "Item" not in dynamodb.get_item(TableName="t", Key=item("reasons", "free"))


def test_transaction_may_touch_an_item_only_once(dynamodb: Any) -> None:
    put = {"Put": {"TableName": "t", "Item": item("twice", "1")}}
    with pytest.raises(dynamodb.exceptions.ClientError, match="multiple operations on one item"):
        dynamodb.transact_write_items(TransactItems=[put, put])
    assert "Item" not in dynamodb.get_item(TableName="t", Key=item("twice", "1"))


def test_pages_of_a_query_give_each_item_once(dynamodb: Any) -> None:
    for i in range(25):
        dynamodb.put_item(TableName="t", Item=item("pages", f"{i:02}", label="pages"))
    for request in (
        {"KeyConditionExpression": "pk = :v"},
        {"KeyConditionExpression": "label = :v", "IndexName": "by_label"},
        {"KeyConditionExpression": "label = :v", "IndexName": "by_label", "ScanIndexForward": False},
    ):
        values = {":v": {"S": "pages"}}
        pages = dynamodb.get_paginator("query").paginate(
            TableName="t", ExpressionAttributeValues=values, PaginationConfig={"PageSize": 7}, **request
        )
        keys = [found["sk"]["S"] for page in pages for found in page["Items"]]
        assert keys == sorted((f"{i:02}" for i in range(25)), reverse=not request.get("ScanIndexForward", True))


def test_every_kind_of_value_comes_back(dynamodb: Any) -> None:
    values = {
        "n": {"N": "12.5"},
        "b": {"B": b"\x00\xff"},
        "ss": {"SS": ["a", "b"]},
        "ns": {"NS": ["1", "2"]},
        "bs": {"BS": [b"\x00", b"\x01"]},
        "m": {"M": {"x": {"L": [{"NULL": True}, {"BOOL": False}, {"S": "猫"}, {"B": b"\xfe"}]}}},
    }
    dynamodb.put_item(TableName="t", Item=item("kinds", "1") | values)
    wanted = item("kinds", "1") | values
    key = {"TableName": "t", "Key": item("kinds", "1")}
    found = [
        dynamodb.get_item(**key)["Item"],
        dynamodb.query(TableName="t", KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": {"S": "kinds"}})["Items"][0],
        dynamodb.batch_get_item(RequestItems={"t": {"Keys": [item("kinds", "1")]}})["Responses"]["t"][0],
        dynamodb.transact_get_items(TransactItems=[{"Get": key}])["Responses"][0]["Item"],
        dynamodb.delete_item(**key, ReturnValues="ALL_OLD")["Attributes"],
    ]
    assert found == [wanted] * 5
