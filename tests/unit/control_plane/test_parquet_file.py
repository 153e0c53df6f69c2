"""A Parquet file that other programs read as it was meant."""

from __future__ import annotations

import io
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.parquet_file import Column, Kind, parquet

COLUMNS = (
    Column("file", Kind.TEXT, is_optional=False),
    Column("item", Kind.INTEGER, is_optional=False),
    Column("label", Kind.TEXT),
    Column("score", Kind.NUMBER),
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"file": TEXT, "item": st.integers(-(2**63), 2**63 - 1)},
        optional={"label": st.none() | TEXT, "score": st.none() | st.floats(allow_nan=False)},
    ),
    max_size=40,
)


def read(body: bytes) -> pyarrow.Table:
    return pyarrow.parquet.read_table(io.BytesIO(body))


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(1, 20))
def test_what_was_written_is_read_whatever_is_missing_and_however_it_is_cut(rows: list[dict[str, Any]], group_rows: int):
    table = read(b"".join(parquet(COLUMNS, rows, group_rows)))
    assert table.to_pylist() == [{column.name: row.get(column.name) for column in COLUMNS} for row in rows]


def test_columns_have_their_types_and_only_those_that_may_be_are_nullable():
    schema = read(b"".join(parquet(COLUMNS, []))).schema
    assert [(field.name, str(field.type), field.nullable) for field in schema] == [
        ("file", "string", False),
        ("item", "int64", False),
        ("label", "string", True),
        ("score", "double", True),
    ]


def test_row_groups_are_as_large_as_wanted_and_written_as_they_come():
    taken: list[int] = []

    def rows() -> Any:
        for number in range(100):
            taken.append(number)
            yield {"file": str(number), "item": number}

    pieces = parquet(COLUMNS, rows(), 30)
    for _ in range(2):
        next(pieces)
    assert len(taken) == 30, "one group is in memory"
    body = b"".join(parquet(COLUMNS, rows(), 30))
    found = pyarrow.parquet.ParquetFile(io.BytesIO(body)).metadata
    assert [found.row_group(n).num_rows for n in range(found.num_row_groups)] == [30, 30, 30, 10]
    assert found.row_group(0).column(0).compression == "GZIP"


@pytest.mark.parametrize("count", [14, 15, 16])
def test_a_file_of_many_row_groups_has_a_long_list(count: int):
    rows = [{"file": "a", "item": n} for n in range(count)]
    assert read(b"".join(parquet(COLUMNS, rows, 1))).num_rows == count
