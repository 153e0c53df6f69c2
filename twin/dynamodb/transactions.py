"""TransactWriteItems with an undo log. moto copies each table deeply before each transaction: 50,000 items cost seconds.

The order of checks, the errors and the reasons are moto's.
"""

import copy
from typing import Any, NamedTuple

from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.exceptions import (
    ConditionalCheckFailed,
    MockValidationException,
    MultipleTransactionsException,
    TooManyTransactionsException,
    TransactionCanceledException,
    TransactWriteSingleOpException,
)
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import Item

_LIMIT = 100  # Source: Amazon DynamoDB API reference, TransactWriteItems
Reason = tuple[str | None, str | None, dict[str, Any] | None]
_FINE: Reason = (None, None, None)


class _Undo(NamedTuple):
    table_name: str
    key: dict[str, Any]
    item: Item | None


def install() -> None:
    """Replace moto's method."""
    DynamoDBBackend.transact_write_items = _transact_write_items


def _transact_write_items(backend: Any, transact_items: list[dict[str, Any]]) -> None:
    if len(transact_items) > _LIMIT:
        raise TooManyTransactionsException()
    if any(len(entry) > 1 for entry in transact_items):
        raise TransactWriteSingleOpException
    undo: list[_Undo] = []
    seen: set[tuple[str, str]] = set()
    try:
        reasons = [_apply(backend, *next(iter(entry.items())), undo, seen) for entry in transact_items]
    except MockValidationException:  # also MultipleTransactionsException
        _roll_back(backend, undo)
        raise
    if any(code is not None for code, _, _ in reasons):
        _roll_back(backend, undo)
        raise TransactionCanceledException(reasons)


def _apply(backend: Any, kind: str, operation: dict[str, Any], undo: list[_Undo], seen: set[tuple[str, str]]) -> Reason:
    """One operation: done, and remembered in `undo`; or the reason why not."""
    original = None
    try:
        table_name = operation["TableName"]
        key = _key(backend, operation)
        if (identity := (table_name, str(sorted(key.items())))) in seen:
            raise MultipleTransactionsException()
        seen.add(identity)
        current = backend.get_item(table_name, key)
        if current is not None and operation.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
            original = current.to_json()["Attributes"]
        if not _condition_holds(operation, current):
            raise ConditionalCheckFailed(item=original)
        if kind != "ConditionCheck":
            undo.append(_Undo(table_name, key, copy.deepcopy(current)))
            _write(backend, kind, operation, key)
    except MockValidationException as error:
        if not isinstance(error, ConditionalCheckFailed):
            raise
        return "ConditionalCheckFailed", str(error.message), original
    except ConditionalCheckFailed as error:
        return "ConditionalCheckFailed", str(error.message), original
    except Exception as error:  # noqa: BLE001  (moto reports every other error as a reason, too)
        return type(error).__name__, str(error), original
    return _FINE


def _key(backend: Any, operation: dict[str, Any]) -> dict[str, Any]:
    if "Item" not in operation:
        return dict(operation["Key"])
    table = backend.get_table(operation["TableName"])
    return {name: operation["Item"][name] for name in (table.hash_key_attr, table.range_key_attr) if name}


def _condition_holds(operation: dict[str, Any], current: Item | None) -> bool:
    condition = operation.get("ConditionExpression")
    if condition is None:
        return True
    names, values = operation.get("ExpressionAttributeNames"), operation.get("ExpressionAttributeValues")
    return bool(get_filter_expression(condition, names, values).expr(current))


def _write(backend: Any, kind: str, operation: dict[str, Any], key: dict[str, Any]) -> None:
    table_name = operation["TableName"]
    expressions = {
        "expression_attribute_names": operation.get("ExpressionAttributeNames"),
        "expression_attribute_values": operation.get("ExpressionAttributeValues"),
    }
    if kind == "Put":
        backend.put_item(table_name, operation["Item"])
    elif kind == "Delete":
        backend.delete_item(table_name, key)
    elif kind == "Update":
        backend.update_item(table_name, key, update_expression=operation["UpdateExpression"], **expressions)
    else:
        raise ValueError("Unsupported transaction operation")


def _roll_back(backend: Any, undo: list[_Undo]) -> None:
    for entry in reversed(undo):
        if entry.item is None:
            backend.delete_item(entry.table_name, entry.key)
        else:
            backend.put_item(entry.table_name, entry.item.to_json()["Attributes"])
