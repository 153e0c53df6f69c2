"""Thrift's compact protocol, as far as the metadata of a Parquet file needs it: written only.

Source: Apache Thrift, "Thrift Compact protocol encoding".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12
_SHORT_LIST = 15


class I64(NamedTuple):
    """A plain int is written as i32."""

    value: int


Value: TypeAlias = "int | I64 | str | Sequence[Value] | Struct"


class Struct(NamedTuple):
    """(field id, value) in the order of their ids, all different."""

    fields: Sequence[tuple[int, Value]]


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encoded(value: Value) -> bytes:
    """Without a field's header."""
    if isinstance(value, int):
        return varint(_zigzag(value))
    if isinstance(value, I64):
        return varint(_zigzag(value.value))
    if isinstance(value, str):
        text = value.encode()
        return varint(len(text)) + text
    return _struct(value) if isinstance(value, Struct) else _list(value)


def _struct(struct: Struct) -> bytes:
    out, last = bytearray(), 0
    for number, value in struct.fields:
        out.append(number - last << 4 | _type_of(value))
        out += encoded(value)
        last = number
    return bytes(out) + b"\0"


def _list(items: Sequence[Value]) -> bytes:
    kind = _type_of(items[0]) if items else _STRUCT
    head = bytes([len(items) << 4 | kind]) if len(items) < _SHORT_LIST else bytes([_SHORT_LIST << 4 | kind]) + varint(len(items))
    return head + b"".join(map(encoded, items))


def _type_of(value: Value) -> int:
    if isinstance(value, int):
        return _I32
    for python, kind in ((I64, _I64), (str, _BINARY), (Struct, _STRUCT)):
        if isinstance(value, python):
            return kind
    return _LIST


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1
