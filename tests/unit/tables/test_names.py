"""The names of a table's columns from its first bytes, or its footer: as the reader of the whole table finds them, or none."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from droplearn.scenarios.tables.names import names_in
from droplearn.scenarios.tables.parquet_names import column_names
from droplearn.scenarios.tables.source import TableSource
from droplearn.scenarios.tables.stream import open_tables
from droplearn.scenarios.tables.text_format import SAMPLE_BYTES


def names_of(content: bytes, name: str = "a.csv") -> list[str] | None:
    return names_in(name, len(content), lambda first, count: content[first : first + count])


def as_parquet(columns: dict[str, Any], **how: Any) -> bytes:
    written = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), written, **how)
    return written.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"a,b,c\n1,2,3\n",
        b"\n\na;b\n1,5;2\n",
        "größe,名\n1,2\n".encode(),
        "\ufeffa,b\r\n1,2\r\n".encode(),
        "a\tb\n1\t2\n".encode("utf-16"),
        b'"a, with a comma","two\nlines",a,a,\n1,2,3,4,5\n',
        b"a,b\n" + "1,ü\n".encode() * SAMPLE_BYTES,
        b"a,b\n" + b"1," + "ü".encode() * SAMPLE_BYTES + b"\n2,x\n",
    ],
)
def test_names_are_those_that_the_reader_finds(content: bytes):
    assert names_of(content) in (open_tables([TableSource("a.csv", content)]).columns, None)


def test_a_long_table_s_names_are_told_from_its_beginning():
    content = "größe,b\n".encode() + "1,ü\n".encode() * SAMPLE_BYTES
    assert names_of(content) == ["größe", "b"]


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n", b"\x00\x01", "größe,b\n1,2\n".encode("cp1252"), b"a" * (SAMPLE_BYTES + 1), b"a,b\n" + b"\xfc"]
)
def test_where_it_is_not_sure_there_are_none(content: bytes):
    assert names_of(content) is None


def test_a_parquet_file_s_names_are_in_its_footer():
    columns = {
        "größe": [1.5, 2.5],
        "list": [[1], [2, 3]],
        "struct": [{"x": {"y": 1}}, {"x": {"y": 2}}],
        "when": [datetime(2026, 1, 1), datetime(2026, 1, 2)],
        "target": ["a", "b"],
    }
    for how in ({}, {"compression": "gzip"}, {"version": "1.0"}, {"use_dictionary": False}):
        assert names_of(as_parquet(columns, **how), "a.parquet") == list(columns)
    wide = {f"c{n}": [n] for n in range(300)}
    assert names_of(as_parquet(wide), "a.PARQUET") == list(wide)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1PAR1PAR1", b"x" * 8 + b"\xff\xff\xff\xffPAR1", b"x" * 8 + b"\x08\x00\x00\x00PARE"])
def test_what_is_no_parquet_file_has_no_names(content: bytes):
    assert names_of(content, "a.parquet") is None


FOOTER = as_parquet({"a": [1], "b": [[1.5]]})[:-8]


@given(st.binary(max_size=200), st.integers(0, len(FOOTER) - 1))
def test_any_bytes_as_a_footer_give_names_or_none(noise: bytes, place: int):
    for content in (noise, FOOTER[place:], FOOTER[:place] + noise, FOOTER[place:] + noise + FOOTER[:place]):
        found = column_names(content)
        assert found is None or all(isinstance(name, str) for name in found)
