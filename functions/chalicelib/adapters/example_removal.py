"""The removal of a dataset's examples and counters: keys are read page by page, and deleted many at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.adapters.aws import client, translated
from chalicelib.adapters.batches import write_items

_AT_ONCE = 2000
"""Keys of one page; to read them costs as much as to read the examples."""


def remove_partition(table: str, pk: str, has_time: Callable[[], bool], prefix: str = "") -> bool:
    """All items with this partition key whose sort key begins so. False: time was short, and there may be more."""
    query: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk" + (" AND begins_with(sk, :prefix)" if prefix else ""),
        "ExpressionAttributeValues": {":pk": {"S": pk}} | ({":prefix": {"S": prefix}} if prefix else {}),
        "ProjectionExpression": "pk, sk",
        "ConsistentRead": True,
        "Limit": _AT_ONCE,
    }
    while has_time():
        with translated():
            found = client("dynamodb").query(**query)
        write_items(table, [{"DeleteRequest": {"Key": key}} for key in found["Items"]])
        if "LastEvaluatedKey" not in found:
            return True
        query["ExclusiveStartKey"] = found["LastEvaluatedKey"]
    return False
