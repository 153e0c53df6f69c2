"""CSV and Parquet as people make them, and as they should not be."""

import io

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.errors import InvalidDataset, InvalidRequest
from droplearn.scenarios.tables.layout import recognise_table
from droplearn.scenarios.tables.source import MISSING_WORDS, TableLimits, TableSource
from droplearn.scenarios.tables.stream import open_tables, read_table


def csv(text: str | bytes, name: str = "a.csv") -> TableSource:
    return TableSource(name, text if isinstance(text, bytes) else text.encode())


def parquet(table: pa.Table, name: str = "a.parquet") -> TableSource:
    written = io.BytesIO()
    pyarrow.parquet.write_table(table, written)
    return TableSource(name, written.getvalue())


def cells(*sources: TableSource, **settings):
    return read_table(sources, **settings).data.to_pydict()


def test_a_file_that_is_one_long_word_is_no_table():
    with pytest.raises(InvalidDataset, match="more than 131,072 characters"):
        open_tables([csv("a" * 200_000)])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_delimiter_is_found(delimiter, end):
    text = end.join(delimiter.join(row) for row in (["a", "b", "c"], ["1", "x y", "3"], ["4", "", "6"])) + end
    assert cells(csv(text)) == {"a": ["1", "4"], "b": ["x y", None], "c": ["3", "6"]}


def test_a_semicolon_table_with_decimal_commas_is_not_cut_at_the_commas():
    table = read_table([csv("x;y\n1,5;2,5\n3,25;4,0\n")])
    assert table.data.to_pydict() == {"x": ["1,5", "3,25"], "y": ["2,5", "4,0"]}
    assert table.has_decimal_comma


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "stad,größe\nMünchen,1\n"),
        ("utf-8-sig", "stad,größe\nMünchen,1\n"),
        ("utf-16", "stad,größe\nMünchen,1\n"),
        ("cp1252", "stad,größe\nMünchen crème brûlée,1\n"),
        ("gb18030", "城市,人口\n北京市朝阳区,1\n上海,2\n"),
    ],
)
def test_the_encoding_is_found_and_told_when_it_is_unusual(encoding, text):
    table = read_table([csv(text.encode(encoding))])
    assert table.data.column_names == text.splitlines()[0].split(",")
    assert table.data.to_pydict()[table.data.column_names[0]][0] == text.splitlines()[1].split(",")[0]
    assert bool(table.report.notes) == (not encoding.startswith("utf-8"))


def test_quoted_cells_may_hold_delimiters_quotes_and_line_breaks():
    assert cells(csv('a,b\n"x, ""y""","two\nlines"\n')) == {"a": ['x, "y"'], "b": ["two\nlines"]}


def test_ragged_rows_are_left_out_and_reported_with_their_line():
    table = read_table([csv("a,b\n1,2\n3\n4,5\n6,7,8\n")])
    assert table.data.to_pydict() == {"a": ["1", "4"], "b": ["2", "5"]}
    assert [(row.line, row.expected, row.found) for row in table.report.ragged] == [(3, 2, 1), (5, 2, 3)]
    assert "a.csv line 3" in table.report.warnings()[-1]


def test_column_names_become_unique_and_are_never_empty():
    table = read_table([csv("a,a, b ,\n1,2,3,4\n")])
    assert table.data.column_names == ["a", "a.2", "b", "column_4"]
    assert len(table.report.notes) == 2


def test_tables_with_the_same_columns_in_another_order_are_joined():
    assert cells(csv("a,b\n1,2\n"), csv("b;a\n4;3\n", "b.csv")) == {"a": ["1", "3"], "b": ["2", "4"]}


def test_tables_with_other_columns_are_refused_by_name():
    with pytest.raises(InvalidDataset, match=r"b\.csv has other columns than a\.csv: it lacks b; it has c besides"):
        read_table([csv("a,b\n1,2\n"), csv("a,c\n1,2\n", "b.csv")])


def test_parquet_keeps_numbers_and_leaves_out_nested_columns():
    table = read_table([parquet(pa.table({"n": [1, None], "s": pa.array(["x", "y"]).dictionary_encode(), "deep": [[1], [2]]}))])
    assert table.data.to_pydict() == {"n": [1, None], "s": ["x", "y"]}
    assert "deep" in table.report.notes[0]


def test_csv_and_parquet_are_joined_as_text():
    assert cells(parquet(pa.table({"n": [1]})), csv("n\n2\n", "b.csv")) == {"n": ["1", "2"]}


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (csv(b"PK\x03\x04\x00\x00"), "binary"),
        (csv(b""), "empty"),
        (csv(b"a,b"), "no usable row"),
        (csv(b"a,b\n"), "no usable row"),
        (csv("a,b\n1\n2\n"), "2 rows do not fit"),
        (TableSource("a.parquet", b"PAR1 but cut off"), "cannot be read"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason_and_a_hint(source, why):
    with pytest.raises(InvalidDataset, match=why) as caught:
        read_table([source])
    assert caught.value.hint


@pytest.mark.parametrize("limits", [TableLimits(max_bytes=10), TableLimits(max_rows=2), TableLimits(max_columns=1)])
def test_limits_hold(limits):
    with pytest.raises(InvalidDataset, match="limit is") as caught:
        read_table([csv("a,b\n1,2\n3,4\n5,6\n")], limits=limits)
    assert caught.value.code == "dataset.table_too_large"


def test_a_parquet_bomb_is_refused_by_its_footer():
    bomb = parquet(pa.table({"x": pa.array(range(200_000))}))
    with pytest.raises(InvalidDataset, match="limit is"):
        read_table([bomb], limits=TableLimits(max_bytes=len(bomb.content) - 1))


def test_a_stream_gives_only_the_wanted_columns_and_can_be_read_twice():
    stream = open_tables([csv("a,b,c\n1,2,3\n4,5\n6,7,8\n")], columns=["c", "a"])
    for _ in range(2):
        assert [batch.to_pydict() for batch in stream] == [{"c": ["3", "8"], "a": ["1", "6"]}]
        assert (stream.report.row_count, stream.report.ragged_count) == (2, 1)


def test_an_unknown_column_is_refused_with_the_known_ones():
    with pytest.raises(InvalidRequest, match="no column 'z'") as caught:
        open_tables([csv("a,b\n1,2\n")], columns=["z"])
    assert "a, b" in caught.value.hint


def test_words_for_missing_are_null_only_where_asked_for():
    assert cells(csv("a\nNA\nx\n")) == {"a": ["NA", "x"]}
    assert cells(csv("a\nNA\nx\n"), missing=MISSING_WORDS) == {"a": [None, "x"]}


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("a/b.csv", ExampleStatus.LABELLED, None),
        ("b.PARQUET", ExampleStatus.LABELLED, None),
        (".hidden.csv", ExampleStatus.SKIPPED, "hidden_file"),
        ("notes.txt", ExampleStatus.SKIPPED, "not_a_table"),
    ],
)
def test_tables_are_recognised_by_their_extension(path, status, reason):
    assert recognise_table(path, 10, 1000)[::2] == (status, reason)


_text = st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)


@given(st.lists(st.tuples(_text, _text, _text), min_size=1, max_size=6))
def test_whatever_pythons_csv_module_writes_is_read_back(rows):
    import csv as module

    written = io.StringIO()
    module.writer(written, quoting=module.QUOTE_ALL).writerows([("one", "two", "three"), *rows])
    assert cells(csv(written.getvalue())) == {name: [row[i] for row in rows] for i, name in enumerate(("one", "two", "three"))}
