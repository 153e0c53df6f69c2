"""The names in a Parquet file's footer: as much of Thrift's compact protocol as it takes to find them, without pyarrow.

Source: Apache Parquet, "File Format" and parquet.thrift (FileMetaData, SchemaElement); Apache Thrift, "Thrift Compact protocol encoding".
"""

from __future__ import annotations

from collections.abc import Iterator

MAGIC = b"PAR1"
TRAILER_BYTES = 8
"""The footer's length and the magic, at the end of the file."""
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_VARINTS = (4, 5, 6)
_LONG_LIST = 15
_SCHEMA, _NAME, _CHILDREN = 2, 4, 5
_MAX_DEPTH = 32


def footer_bytes(trailer: bytes) -> int:
    """How long the footer is that stands before the trailer."""
    return int.from_bytes(trailer[:4], "little")


def column_names(footer: bytes) -> list[str] | None:
    """Of the columns at the top, also of those that hold lists or structs. None: the footer is not what it should be."""
    try:
        elements = _Reader(footer).schema()
        return _top_level(elements) if elements else None
    except (IndexError, ValueError):
        return None


def _top_level(elements: list[tuple[str, int]]) -> list[str]:
    """The schema is listed depth first: (name, how many children follow)."""
    names, place = [], 1
    for _ in range(elements[0][1]):
        names.append(elements[place][0])
        open_ = 1
        while open_:
            open_ += elements[place][1] - 1
            place += 1
    return names


class _Reader:
    """Raises IndexError or ValueError where the bytes make no sense."""

    def __init__(self, content: bytes) -> None:
        self._content, self._place = content, 0

    def schema(self) -> list[tuple[str, int]]:
        """FileMetaData's list of SchemaElement."""
        for field, kind in self._fields():
            if field == _SCHEMA and kind == _LIST:
                count, _ = self._list_head()
                return [self._element() for _ in range(count)]
            self._skip(kind)
        return []

    def _element(self) -> tuple[str, int]:
        name, children = "", 0
        for field, kind in self._fields():
            if field == _NAME and kind == _BINARY:
                name = self._bytes(self._varint()).decode()
            elif field == _CHILDREN and kind in _VARINTS:
                children = self._varint() >> 1  # zigzag, never negative
            else:
                self._skip(kind)
        return name, children

    def _fields(self) -> Iterator[tuple[int, int]]:
        """(id, type) of each field of a struct; whoever takes one reads or skips its value."""
        last = 0
        while head := self._byte():
            last = last + (head >> 4) if head >> 4 else self._zigzag()
            yield last, head & 15

    def _skip(self, kind: int, depth: int = 0) -> None:
        if depth > _MAX_DEPTH:
            raise ValueError("It is nested too deep.")
        if kind in _VARINTS:
            self._varint()
        elif kind in (_BYTE, _DOUBLE):
            self._bytes(1 if kind == _BYTE else 8)
        elif kind == _BINARY:
            self._bytes(self._varint())
        elif kind in (_LIST, _SET):
            count, inner = self._list_head()
            for _ in range(count):
                self._skip_element(inner, depth + 1)
        elif kind == _STRUCT:
            for _, inner in self._fields():
                self._skip(inner, depth + 1)
        elif kind not in (_TRUE, _FALSE):  # a field of these is its own value
            raise ValueError(f"There is no map, and no type {kind}, in this part of a footer.")

    def _skip_element(self, kind: int, depth: int) -> None:
        """In a list a boolean is a byte."""
        self._skip(_BYTE if kind in (_TRUE, _FALSE) else kind, depth)

    def _list_head(self) -> tuple[int, int]:
        head = self._byte()
        count = head >> 4
        return (self._varint() if count == _LONG_LIST else count), head & 15

    def _byte(self) -> int:
        self._place += 1
        return self._content[self._place - 1]

    def _bytes(self, count: int) -> bytes:
        if count > len(self._content) - self._place:
            raise ValueError("It ends too early.")
        self._place += count
        return self._content[self._place - count : self._place]

    def _varint(self) -> int:
        value = shift = 0
        while shift < 64:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
        raise ValueError("A number has more than 64 bits.")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
