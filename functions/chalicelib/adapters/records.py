"""The port Records on the DynamoDB table (docs/reference/table.md)."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Generic

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import client, code_of, translated
from chalicelib.adapters.batches import Pause, read_items
from chalicelib.adapters.items import attribute, from_item, key_of, to_item, value
from chalicelib.domain.cursors import decode_cursor, encode_cursor
from chalicelib.domain.records import Page, R
from droplearn.contracts.errors import NotFound

LISTING = "listing"
_PLACE = {"pk", "sk", "listed_in", "listed_at"}


class TableRecords(Generic[R]):
    """Records of one kind."""

    def __init__(self, table_name: str, record_type: type[R], pause: Pause = time.sleep) -> None:
        self._table, self._type, self._kind, self._pause = table_name, record_type, record_type.KIND, pause

    def get(self, key: str) -> R | None:
        """One GetItem."""
        with translated():
            item = client("dynamodb").get_item(TableName=self._table, Key=key_of(self._kind, key), ConsistentRead=True).get("Item")
        return from_item(self._type, item) if item else None

    def get_many(self, keys: Iterable[str]) -> dict[str, R]:
        """BatchGetItems of 100 keys."""
        items = read_items(self._table, [key_of(self._kind, key) for key in dict.fromkeys(keys)], self._pause)
        records = (from_item(self._type, item) for item in items)
        return {record.key: record for record in records}

    def add(self, record: R) -> bool:
        """One conditional PutItem."""
        return self._conditionally("put_item", Item=to_item(record), ConditionExpression="attribute_not_exists(pk)") is not None

    def put(self, record: R) -> None:
        """One PutItem."""
        with translated():
            client("dynamodb").put_item(TableName=self._table, Item=to_item(record))

    def change(self, key: str, changes: Mapping[str, Any], only_if: Mapping[str, Collection[Any]] | None = None) -> R | None:
        """One conditional UpdateItem."""
        expression = _Expression()
        update, condition = expression.update(changes), expression.condition(only_if or {})
        done = self._conditionally(
            "update_item",
            Key=key_of(self._kind, key),
            UpdateExpression=update,
            ConditionExpression=condition,
            ReturnValues="ALL_NEW",
            **expression.names_and_values(),
        )
        return from_item(self._type, done["Attributes"]) if done is not None else None

    def increment(self, key: str, field: str) -> int:
        """One UpdateItem."""
        done = self._conditionally(
            "update_item",
            Key=key_of(self._kind, key),
            UpdateExpression="ADD #f :one",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={"#f": field},
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="UPDATED_NEW",
        )
        if done is None:
            raise NotFound(f"{self._kind.lower()}.unknown", f"There is no {self._kind.lower()} {key!r}.")
        return int(value(done["Attributes"][field]))

    def remove(self, key: str) -> None:
        """One DeleteItem."""
        with translated():
            client("dynamodb").delete_item(TableName=self._table, Key=key_of(self._kind, key))

    def page(self, listed_in: str, limit: int, cursor: str | None = None, *, is_newest_first: bool = False) -> Page[R]:
        """One Query of the index."""
        start = decode_cursor(cursor, _PLACE, listed_in=listed_in)
        given = {"ExclusiveStartKey": {k: {"S": v} for k, v in start.items()}} if start else {}
        with translated():
            found = client("dynamodb").query(
                TableName=self._table,
                IndexName=LISTING,
                KeyConditionExpression="listed_in = :in",
                ExpressionAttributeValues={":in": {"S": listed_in}},
                ScanIndexForward=not is_newest_first,
                Limit=limit,
                **given,
            )
        last = found.get("LastEvaluatedKey")
        return Page(
            [from_item(self._type, item) for item in found["Items"]], encode_cursor({k: v["S"] for k, v in last.items()} if last else None)
        )

    def _conditionally(self, operation: str, **parameters: Any) -> dict[str, Any] | None:
        with translated():
            try:
                return dict(getattr(client("dynamodb"), operation)(TableName=self._table, **parameters))
            except ClientError as error:
                if code_of(error) == "ConditionalCheckFailedException":
                    return None
                raise


class _Expression:
    """Collects placeholders for an UpdateItem."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def update(self, changes: Mapping[str, Any]) -> str:
        to_set = [f"{self._name(k)} = {self._value(v)}" for k, v in changes.items() if v is not None]
        to_remove = [self._name(k) for k, v in changes.items() if v is None]
        return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in (("SET", to_set), ("REMOVE", to_remove)) if parts)

    def condition(self, only_if: Mapping[str, Collection[Any]]) -> str:
        return " AND ".join(["attribute_exists(pk)", *(self._one_of(field, values) for field, values in only_if.items())])

    def _one_of(self, field: str, values: Collection[Any]) -> str:
        """None stands for a field that is not set."""
        name, given = self._name(field), [self._value(v) for v in values if v is not None]
        ways = [f"{name} IN ({', '.join(given)})"] if given else []
        return f"({' OR '.join(ways + ([f'attribute_not_exists({name})'] if None in values else []))})"

    def names_and_values(self) -> dict[str, Any]:
        given: dict[str, Any] = {"ExpressionAttributeNames": self._names}
        return given | ({"ExpressionAttributeValues": self._values} if self._values else {})

    def _name(self, field: str) -> str:
        self._names[f"#{field}"] = field
        return f"#{field}"

    def _value(self, given: Any) -> str:
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = attribute(given)
        return placeholder
