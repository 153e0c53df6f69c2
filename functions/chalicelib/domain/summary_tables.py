"""Rows of a summary -> the bytes of a CSV or a Parquet table, as they come. Pure."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from chalicelib.domain.parquet_file import Column, Kind, parquet

COLUMNS = ("file", "item", "label", "score", "error", "true_label")
PARQUET_COLUMNS = (
    Column("file", Kind.TEXT, is_optional=False),
    Column("item", Kind.INTEGER, is_optional=False),
    Column("label", Kind.TEXT),
    Column("value", Kind.NUMBER),
    Column("score", Kind.NUMBER),
    Column("error", Kind.TEXT),
    Column("true_label", Kind.TEXT),
)
"""A column has one type: classes stand in `label`, numbers in `value`."""
_BLOCK = 1 << 16
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Source: OWASP, "CSV Injection"."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def csv_of(lines: Iterable[bytes]) -> Iterator[bytes]:
    """With a byte order mark: without it spreadsheets take UTF-8 for something else."""
    file = io.StringIO()
    writer = csv.writer(file)
    file.write("\ufeff")
    writer.writerow(COLUMNS)
    for line in lines:
        row = json.loads(line)
        writer.writerow([safe_cell(row.get(name)) for name in COLUMNS])
        if file.tell() > _BLOCK:
            yield file.getvalue().encode(errors="replace")
            file.seek(0)
            file.truncate()
    yield file.getvalue().encode(errors="replace")


def safe_cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula begins with an apostrophe; numbers, also as text, stay numbers."""
    is_formula = isinstance(value, str) and value.startswith(_FORMULA) and not _NUMBER.fullmatch(value)
    return f"'{value}" if is_formula else value


def parquet_of(lines: Iterable[bytes]) -> Iterator[bytes]:
    """One row group in memory at a time."""
    return parquet(PARQUET_COLUMNS, map(_typed, lines))


def _typed(line: bytes) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(line)
    label = row.get("label")
    typed = {"label": None, "value": float(label)} if isinstance(label, int | float) else {"value": None}
    return {"item": 0} | row | typed
