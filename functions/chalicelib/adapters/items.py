"""Records <-> DynamoDB items. Fields keep their names: the state machines write some of them directly."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from chalicelib.domain.records import R

SMALLEST = 1e-130
"""What is nearer to 0 is 0. Source: Amazon DynamoDB Developer Guide, "Supported data types and naming rules": numbers."""
_WRITE, _READ = TypeSerializer(), TypeDeserializer()


def key_of(kind: str, key: str) -> dict[str, Any]:
    """`<KIND>#<key>` / `<KIND>`."""
    return {"pk": {"S": f"{kind}#{key}"}, "sk": {"S": kind}}


def to_item(record: R) -> dict[str, Any]:
    """Without fields that are None."""
    item = {f.name: attribute(getattr(record, f.name)) for f in fields(record) if getattr(record, f.name) is not None}  # type: ignore[arg-type]
    listing = record.listing
    place = {"listed_in": attribute(listing[0]), "listed_at": attribute(listing[1])} if listing else {}
    return item | place | key_of(record.KIND, record.key)


def from_item(record_type: type[R], item: dict[str, Any]) -> R:
    """Attributes that the record does not have are ignored (keys, or fields of a later release)."""
    known = {f.name for f in fields(record_type)}  # type: ignore[arg-type]
    return record_type(**{name: value(raw) for name, raw in item.items() if name in known})


def attribute(given: Any) -> Any:
    """`{"S": ..}`, `{"N": ..}`, ...; finite floats become decimals."""
    return _WRITE.serialize(_without_floats(given))


def value(raw: Any) -> Any:
    """The reverse; numbers become int or float."""
    return _with_numbers(_READ.deserialize(raw))


def _without_floats(given: Any) -> Any:
    if isinstance(given, float):
        return Decimal(0) if abs(given) < SMALLEST else Decimal(repr(given))
    if isinstance(given, dict):
        return {str(k): _without_floats(v) for k, v in given.items()}
    if isinstance(given, (list, tuple)):
        return [_without_floats(v) for v in given]
    return given


def _with_numbers(given: Any) -> Any:
    if isinstance(given, Decimal):
        return int(given) if given == given.to_integral_value() and abs(given) < 2**53 else float(given)
    if isinstance(given, dict):
        return {k: _with_numbers(v) for k, v in given.items()}
    if isinstance(given, list):
        return [_with_numbers(v) for v in given]
    return given
