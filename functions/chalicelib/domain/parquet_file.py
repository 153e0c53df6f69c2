"""A flat Parquet file, written row group by row group: a Lambda has no room for a library that could, and this needs none.

One data page a column and row group, PLAIN values, gzip. Source: Apache Parquet, "File Format", "Encodings", parquet.thrift.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from itertools import groupby, islice
from typing import Any, NamedTuple

from chalicelib.domain.thrift_compact import I64, Struct, encoded, varint

GROUP_ROWS = 50_000
"""In memory at a time: some tens of megabytes."""
_MAGIC, _CREATED_BY = b"PAR1", "droplearn"
_VERSION, _DATA_PAGE, _GZIP, _PLAIN, _RLE = 1, 0, 2, 0, 3
_REQUIRED, _OPTIONAL, _UTF8 = 0, 1, 0
_GZIP_WINDOW = 31


class Kind(IntEnum):
    """Physical types. Text is UTF-8."""

    INTEGER = 2
    NUMBER = 5
    TEXT = 6


class Column(NamedTuple):
    """`is_optional`: None may stand in it."""

    name: str
    kind: Kind
    is_optional: bool = True


class _Group(NamedTuple):
    columns: list[Struct]
    rows: int
    size_bytes: int


def parquet(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]], group_rows: int = GROUP_ROWS) -> Iterator[bytes]:
    """The file, in pieces. What a row does not have is None."""
    yield _MAGIC
    place, groups, left = len(_MAGIC), list[_Group](), iter(rows)
    while group := list(islice(left, group_rows)):
        chunks = list[Struct]()
        start = place
        for column in columns:
            page, chunk = _chunk(column, [row.get(column.name) for row in group], place)
            yield page
            chunks.append(chunk)
            place += len(page)
        groups.append(_Group(chunks, len(group), place - start))
    metadata = encoded(_file_metadata(columns, groups))
    yield metadata + struct.pack("<I", len(metadata)) + _MAGIC


def _chunk(column: Column, values: Sequence[Any], place: int) -> tuple[bytes, Struct]:
    """A column of one row group: its page, and what the file's end says of it."""
    present = [value for value in values if value is not None] if column.is_optional else values
    plain = (_levels(values) if column.is_optional else b"") + _plain(column.kind, present)
    packer = zlib.compressobj(level=6, wbits=_GZIP_WINDOW)
    packed = packer.compress(plain) + packer.flush()
    data_page = Struct([(1, len(values)), (2, _PLAIN), (3, _RLE), (4, _RLE)])
    header = encoded(Struct([(1, _DATA_PAGE), (2, len(plain)), (3, len(packed)), (5, data_page)]))
    told = Struct(
        [
            (1, int(column.kind)),
            (2, [_PLAIN, _RLE]),
            (3, [column.name]),
            (4, _GZIP),
            (5, I64(len(values))),
            (6, I64(len(header) + len(plain))),
            (7, I64(len(header) + len(packed))),
            (9, I64(place)),
        ]
    )
    return header + packed, Struct([(2, I64(place)), (3, told)])


def _levels(values: Sequence[Any]) -> bytes:
    """1 where there is a value, 0 where there is none, as runs."""
    runs = b"".join(varint(sum(1 for _ in run) << 1) + bytes([has]) for has, run in groupby(value is not None for value in values))
    return struct.pack("<I", len(runs)) + runs


def _plain(kind: Kind, values: Sequence[Any]) -> bytes:
    if kind is Kind.TEXT:
        texts = [str(value).encode(errors="replace") for value in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return struct.pack(f"<{len(values)}{'q' if kind is Kind.INTEGER else 'd'}", *values)


def _file_metadata(columns: Sequence[Column], groups: Sequence[_Group]) -> Struct:
    root = Struct([(4, "schema"), (5, len(columns))])
    row_groups = [Struct([(1, group.columns), (2, I64(group.size_bytes)), (3, I64(group.rows))]) for group in groups]
    count = I64(sum(group.rows for group in groups))
    return Struct([(1, _VERSION), (2, [root, *map(_schema, columns)]), (3, count), (4, row_groups), (6, _CREATED_BY)])


def _schema(column: Column) -> Struct:
    named: list[tuple[int, Any]] = [(1, int(column.kind)), (3, _OPTIONAL if column.is_optional else _REQUIRED), (4, column.name)]
    text: list[tuple[int, Any]] = [(6, _UTF8), (10, Struct([(1, Struct([]))]))]  # ConvertedType for old readers, LogicalType for new ones
    return Struct(named + (text if column.kind is Kind.TEXT else []))
