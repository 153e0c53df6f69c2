"""Rows as columns of numpy arrays, wherever they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from droplearn.scenarios.learning.arrays import Integers

Column = NDArray[Any]
"""(N,): object (str or None), float64 (NaN: missing) or datetime64[us] (NaT: missing)."""


@dataclass(frozen=True)
class Frame:
    """`columns` by name, each of length `count`."""

    columns: Mapping[str, Column]
    count: int

    def take(self, rows: Integers) -> Frame:
        """These rows, in this order."""
        return Frame({name: column[rows] for name, column in self.columns.items()}, len(rows))

    def without(self, names: Sequence[str]) -> Frame:
        """All columns but these."""
        return Frame({name: column for name, column in self.columns.items() if name not in names}, self.count)


def frame_of_table(table: Any) -> Frame:
    """table: pyarrow.Table with the simple types of `scenarios.tables`."""
    return Frame({name: _column(table.column(name)) for name in table.column_names}, table.num_rows)


def frame_of_rows(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Frame:
    """Of values as JSON has them; a name that a row lacks is missing there."""
    return Frame({name: _of_objects([_cell(row.get(name)) for row in rows]) for name in names}, len(rows))


def _column(chunked: Any) -> Column:
    kind = str(chunked.type)
    if kind == "bool":
        return _of_objects([None if v is None else _cell(v) for v in chunked.to_pylist()])
    values = chunked.to_numpy()
    if kind in ("int64", "double"):
        return np.asarray(values, dtype=np.float64)
    return np.asarray(values) if kind.startswith("timestamp") else values.astype(object)


def _cell(value: Any) -> str | None:
    """Texts as they are, numbers as CSV would have them (7.0 as 7), booleans as words."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def _of_objects(values: list[Any]) -> Column:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
