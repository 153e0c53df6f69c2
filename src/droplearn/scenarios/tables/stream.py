"""Several files with the same columns, in any order, as one table or one stream of batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from droplearn.contracts.errors import InvalidDataset, InvalidRequest
from droplearn.scenarios.tables.csv_file import CsvFile
from droplearn.scenarios.tables.parquet_file import ParquetFile
from droplearn.scenarios.tables.source import DEFAULT_LIMITS, TableLimits, TableReport, TableSource, too_large


@dataclass(frozen=True)
class Table:
    """`data`: a pyarrow.Table."""

    data: Any
    report: TableReport
    has_decimal_comma: bool = False


class TableStream:
    """Iterate once or again; `report` is complete after a whole pass."""

    def __init__(self, files: Sequence[CsvFile | ParquetFile], columns: Sequence[str], limits: TableLimits, report: TableReport) -> None:
        self._files, self._limits, self.report, self._notes = files, limits, report, list(report.notes)
        self.columns = list(columns)
        self.types = {name: common_type([file.types()[name] for file in files]) for name in columns}
        self.has_decimal_comma = any(file.has_decimal_comma for file in files)

    def __iter__(self) -> Iterator[Any]:
        """pyarrow.RecordBatch with `columns`, of `types`. Raises InvalidDataset."""
        self.report.row_count = self.report.ragged_count = 0
        self.report.ragged.clear()
        for file in self._files:
            for batch in file.batches(self.columns):
                self.report.row_count += batch.num_rows
                if self.report.row_count > self._limits.max_rows:
                    raise too_large(f"The tables have more than {self._limits.max_rows:,} rows", f"{self._limits.max_rows:,}")
                yield pa.RecordBatch.from_arrays([batch.column(name).cast(self.types[name]) for name in self.columns], names=self.columns)


def open_tables(
    sources: Sequence[TableSource],
    columns: Sequence[str] | None = None,
    limits: TableLimits = DEFAULT_LIMITS,
    missing: Sequence[str] = ("",),
) -> TableStream:
    """columns: those wanted, None for all. missing: cells of CSV that become null.

    Raises:
        InvalidDataset: `dataset.empty`, `dataset.unreadable_table`, `dataset.table_too_large`, `dataset.different_columns`.
        InvalidRequest: `request.unknown_column`.
    """
    if not sources:
        raise InvalidDataset("dataset.empty", "There is no table.", hint="Drop a .csv, .tsv or .parquet file.")
    total = sum(source.size_bytes for source in sources)
    if total > limits.max_bytes:
        raise too_large(f"The tables have {total:,} bytes", f"{limits.max_bytes:,}")
    report = TableReport()
    files = [ParquetFile(source, limits, report) if source.is_parquet else CsvFile(source, limits, report, missing) for source in sources]
    _check_columns(sources, files, limits)
    return TableStream(files, known_columns(files[0].names, columns), limits, report)


def read_table(
    sources: Sequence[TableSource],
    columns: Sequence[str] | None = None,
    limits: TableLimits = DEFAULT_LIMITS,
    missing: Sequence[str] = ("",),
) -> Table:
    """All in memory. Raises what `open_tables` raises, and InvalidDataset `dataset.empty` without a row."""
    stream = open_tables(sources, columns, limits, missing)
    batches = list(stream)
    if not stream.report.row_count:
        ragged = f"; {stream.report.ragged_count} rows do not fit the header" if stream.report.ragged_count else ""
        raise InvalidDataset(
            "dataset.empty", f"{sources[0].name} has no usable row{ragged}.", hint="The first row names the columns; the others are data."
        )
    schema = pa.schema([(name, stream.types[name]) for name in stream.columns])
    return Table(pa.Table.from_batches(batches, schema), stream.report, stream.has_decimal_comma)


def known_columns(names: Sequence[str], wanted: Sequence[str] | None) -> list[str]:
    """Raises InvalidRequest, naming the columns that there are."""
    if wanted is None:
        return list(names)
    if unknown := [name for name in wanted if name not in names]:
        shown = ", ".join(names[:30]) + (", ..." if len(names) > 30 else "")
        raise InvalidRequest("request.unknown_column", f"There is no column {unknown[0]!r}.", hint=f"The columns are: {shown}.")
    return list(wanted)


def common_type(types: Sequence[Any]) -> Any:
    """Of one column over several files: the same, or float64 for numbers of two kinds, or string."""
    if len(set(types)) == 1:
        return types[0]
    return pa.float64() if set(types) <= {pa.int64(), pa.float64()} else pa.string()


def _check_columns(sources: Sequence[TableSource], files: Sequence[CsvFile | ParquetFile], limits: TableLimits) -> None:
    first = files[0].names
    if len(first) > limits.max_columns:
        raise too_large(f"{sources[0].name} has {len(first):,} columns", f"{limits.max_columns:,}")
    for source, file in zip(sources[1:], files[1:], strict=True):
        missing, extra = sorted(set(first) - set(file.names)), sorted(set(file.names) - set(first))
        if missing or extra:
            told = [f"it lacks {', '.join(missing[:5])}"] if missing else []
            told += [f"it has {', '.join(extra[:5])} besides"] if extra else []
            raise InvalidDataset(
                "dataset.different_columns",
                f"{source.name} has other columns than {sources[0].name}: {'; '.join(told)}.",
                hint="All tables of a dataset need the same columns (their order may differ).",
            )
