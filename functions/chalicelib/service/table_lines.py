"""Rows of a table file, JSON lines or CSV, read line by line so that one can go on from any line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from chalicelib.ports import Lines
from droplearn.contracts.errors import InvalidDataset, NotFound
from droplearn.contracts.recommendation import POPULAR, TABLE_FORMS, TableForm, form_of

MAX_VALUE_BYTES = 350_000
"""An item of DynamoDB has at most 400 KB. Source: Amazon DynamoDB, "Service, account, and table quotas"."""
MAX_KEY_BYTES = 1_000
"""2,048 bytes less the service's and the table's name. Source: the same."""
_DELIMITERS = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True)
class TableFile:
    """`bucket`: whose object `key` is. `table`: `user_item`, `item_item`, ... `name`: what it is stored as."""

    bucket: str
    key: str
    table: str
    name: str

    @property
    def form(self) -> TableForm:
        """Its columns."""
        return form_of(self.table) if self.table == POPULAR else TABLE_FORMS[self.table]


class TableRow(NamedTuple):
    """`end`: where the next row begins, in bytes."""

    key: str
    value: str
    end: int


def rows_of(lines: Lines, file: TableFile, start: int = 0) -> Iterator[TableRow]:
    """From the row that begins at `start`. Raises InvalidDataset (`table.invalid`), NotFound (`table.unknown`)."""
    columns, head_end = _head(lines, file)
    for raw, end in lines.read(file.bucket, file.key, max(start, head_end)):
        text = raw.decode("utf-8", "replace").strip("\r\n")
        if not text.strip():
            continue
        row = _parsed(file, columns, text, end)
        key, value = str(row.get(file.form.key) or "").strip(), str(row.get(file.form.value or "weight") or "").strip()
        if len(key.encode()) > MAX_KEY_BYTES or len(value.encode()) > MAX_VALUE_BYTES:
            raise _invalid(file, f"the row of {key[:40]!r} is too large", f"A row has at most {MAX_VALUE_BYTES:,} bytes.")
        if key:
            yield TableRow(key, value, end)


def _head(lines: Lines, file: TableFile) -> tuple[list[str], int]:
    """The columns of CSV and where its rows begin."""
    if (delimiter := _delimiter(file)) is None:
        return [], 0
    first = next(iter(lines.read(file.bucket, file.key, 0)), None)
    columns = (
        [] if first is None else [name.strip() for name in next(csv.reader([first[0].decode("utf-8-sig", "replace")], delimiter=delimiter))]
    )
    wanted = [name for name in (file.form.key, file.form.value) if name is not None]
    if first is None or not set(wanted) <= set(columns):
        raise _invalid(file, f"its columns are {', '.join(columns) or 'missing'}", f"It needs the columns {' and '.join(wanted)}.")
    return columns, first[1]


def _parsed(file: TableFile, columns: list[str], text: str, end: int) -> dict[str, Any]:
    if delimiter := _delimiter(file):
        cells = next(csv.reader([text], delimiter=delimiter))
        if len(cells) != len(columns):
            raise _invalid(
                file,
                f"the row that ends at byte {end} has {len(cells)} cells, not {len(columns)}",
                "Put lists with commas in quotation marks.",
            )
        return dict(zip(columns, cells, strict=True))
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(file, f"the line that ends at byte {end} is no JSON", "One JSON object a line.") from error
    if not isinstance(row, dict) or file.form.key not in row:
        raise _invalid(file, f"the line that ends at byte {end} has no {file.form.key!r}", f'Write {{"{file.form.key}": ..., ...}}.')
    value = row.get(file.form.value or "weight")
    return row | {file.form.value or "weight": ",".join(map(str, value)) if isinstance(value, list) else value}


def _delimiter(file: TableFile) -> str | None:
    """None for JSON lines. Raises InvalidDataset (`table.invalid`)."""
    name = file.key.lower()
    if name.endswith((".jsonl", ".ndjson", ".json")):
        return None
    found = next((delimiter for extension, delimiter in _DELIMITERS.items() if name.endswith(extension)), None)
    if found is None:
        raise _invalid(file, "its kind is unknown", "Drop a .csv, .tsv or .jsonl file.")
    return found


def _invalid(file: TableFile, why: str, hint: str) -> InvalidDataset:
    return InvalidDataset("table.invalid", f"{file.key} cannot be used as a table {file.table}: {why}.", hint=hint)


def unknown_table(what: str) -> NotFound:
    """For a name or a file."""
    return NotFound("table.unknown", f"There is no table {what}.", hint="See the model's list of tables.")
