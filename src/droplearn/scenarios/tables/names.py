"""The names of a table's columns from a few of its bytes, before anything is paid for reading it. Imports nothing heavy: Lambdas use it.

Where they cannot be told for sure there are none: whoever reads the whole table will know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.tables.parquet_names import MAGIC, TRAILER_BYTES, column_names, footer_bytes
from droplearn.scenarios.tables.source import TableSource
from droplearn.scenarios.tables.text_format import SAMPLE_BYTES, find_format

Peek = Callable[[int, int], bytes]
"""(first, count) -> these bytes of the object, fewer where it ends."""
MAX_FOOTER_BYTES = 8 * 1024**2
_SURE = ("utf-8", "utf-8-sig", "utf-16")
"""Others are guessed from the whole file."""


def names_in(name: str, size_bytes: int, peek: Peek) -> list[str] | None:
    """In the file's order. None: not sure."""
    source = TableSource(name, b"")
    return _parquet_names(size_bytes, peek) if source.is_parquet else _text_names(name, size_bytes, peek)


def _text_names(name: str, size_bytes: int, peek: Peek) -> list[str] | None:
    head = peek(0, SAMPLE_BYTES)
    if size_bytes > len(head):
        head = head[: head.rfind(b"\n")]  # not within a character, nor within a row
    try:
        found = find_format(TableSource(name, head))
    except InvalidDataset:
        return None
    return unique_names(found.header, name)[0] if found.encoding in _SURE and found.has_rows else None


def _parquet_names(size_bytes: int, peek: Peek) -> list[str] | None:
    trailer = peek(size_bytes - TRAILER_BYTES, TRAILER_BYTES) if size_bytes > TRAILER_BYTES else b""
    if not trailer.endswith(MAGIC):
        return None
    count = footer_bytes(trailer)
    return column_names(peek(size_bytes - TRAILER_BYTES - count, count)) if 0 < count <= min(MAX_FOOTER_BYTES, size_bytes) else None


def unique_names(header: Sequence[str], file: str) -> tuple[list[str], list[str]]:
    """Trimmed; an empty name becomes `column_<n>`, a second `price` becomes `price.2`; and notes about both."""
    names: list[str] = []
    notes, taken = [], {cell.strip() for cell in header}
    for place, cell in enumerate(header, 1):
        name = wanted = cell.strip() or f"column_{place}"
        repeat = 2
        while name in names or (name != wanted and name in taken):
            name, repeat = f"{wanted}.{repeat}", repeat + 1
        if name != cell.strip():
            notes.append(f"{file}: column {place} ({cell.strip()!r}) is called {name!r}: names must be unique and not empty.")
        names.append(name)
    return names, notes
