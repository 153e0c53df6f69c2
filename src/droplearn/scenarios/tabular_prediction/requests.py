"""The rows of a prediction request: CSV with a header, or JSON (one row, a list of rows, or {"rows": [...]}), checked against the plan."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from droplearn.contracts.errors import InvalidDataset, InvalidRequest
from droplearn.scenarios.answering import UndecodableInput
from droplearn.scenarios.tables.source import MISSING_WORDS, TableLimits, TableSource
from droplearn.scenarios.tables.stream import read_table
from droplearn.scenarios.tabular_prediction.columns.frame import Frame, frame_of_rows, frame_of_table
from droplearn.scenarios.tabular_prediction.columns.plan import Plan
from droplearn.scenarios.tabular_prediction.columns.values import Mask, as_texts

MAX_ROWS = 10_000
_LIMITS = TableLimits(max_bytes=64 * 1024**2, max_rows=MAX_ROWS)
_PARQUET = b"PAR1"
_SHOWN = 60


def read_rows(raw: bytes, plan: Plan) -> Frame:
    """With all columns that the plan uses; other columns are passed over.

    Raises:
        UndecodableInput: neither CSV nor JSON.
        InvalidRequest: no row, too many rows, a missing column.
    """
    if raw.lstrip()[:1] in (b"{", b"["):
        return _of_json(raw, plan)
    return _of_table(raw, plan)


def check_types(frame: Frame, problems: Mapping[str, Mask]) -> None:
    """Raises InvalidRequest that names the first cell of a wrong type."""
    for name, is_wrong in problems.items():
        row = int(np.argmax(is_wrong))
        found = as_texts(frame.columns[name])[row] or ""
        raise InvalidRequest(
            "request.wrong_type",
            f"Row {row + 1}: column {name!r} cannot be {found[:_SHOWN]!r}.",
            hint="It held numbers (or dates) in training; leave it empty where the value is not known.",
        )


def _of_json(raw: bytes, plan: Plan) -> Frame:
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UndecodableInput(f"The body is not JSON: {error}") from error
    rows = given.get("rows", given) if isinstance(given, dict) and isinstance(given.get("rows"), list) else given
    rows = [rows] if isinstance(rows, dict) else rows
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidRequest(
            "request.invalid", "Rows must be JSON objects: column to value.", hint='Send {"rows": [{"column": value, ...}]}.'
        )
    _check_count(len(rows))
    _check_columns(plan, set().union(*(row.keys() for row in rows)))
    _check_cells(rows, plan.used)
    return frame_of_rows(rows, plan.used)


def _of_table(raw: bytes, plan: Plan) -> Frame:
    name = "request.parquet" if raw.startswith(_PARQUET) else "request.csv"
    try:
        table = read_table([TableSource(name, raw)], limits=_LIMITS, missing=MISSING_WORDS)
    except InvalidDataset as error:
        if error.code == "dataset.table_too_large":
            raise InvalidRequest("request.too_many_rows", error.message, hint=f"Send at most {MAX_ROWS:,} rows at once.") from error
        raise UndecodableInput(error.message) from error
    if table.report.ragged_count:
        row = table.report.ragged[0]
        raise InvalidRequest(
            "request.invalid",
            f"Line {row.line} has {row.found} cells, the header has {row.expected}.",
            hint="Quote cells that hold the delimiter.",
        )
    _check_columns(plan, set(table.data.column_names))
    return frame_of_table(table.data.select(plan.used))


def _check_count(count: int) -> None:
    if count == 0:
        raise InvalidRequest("request.invalid", "There is no row.", hint="Send at least one row.")
    if count > MAX_ROWS:
        raise InvalidRequest("request.too_many_rows", f"There are {count:,} rows.", hint=f"Send at most {MAX_ROWS:,} rows at once.")


def _check_columns(plan: Plan, given: set[str]) -> None:
    missing = [name for name in plan.used if name not in given]
    if not missing:
        return
    shown = ", ".join(missing[:10]) + (", ..." if len(missing) > 10 else "")
    raise InvalidRequest(
        "request.missing_column",
        f"{'Column' if len(missing) == 1 else 'Columns'} missing: {shown}.",
        hint=f"The model needs: {', '.join(plan.used[:50])}. A value that is not known is null (JSON) or empty (CSV).",
    )


def _check_cells(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    for place, row in enumerate(rows):
        for name in names:
            if isinstance(row.get(name), list | dict):
                raise InvalidRequest(
                    "request.wrong_type", f"Row {place + 1}: column {name!r} must be one value.", hint="Lists and objects are no cells."
                )
