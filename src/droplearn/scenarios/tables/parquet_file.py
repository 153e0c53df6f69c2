"""One Parquet file as batches. Its size is judged from the footer, before a column is unpacked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from droplearn.scenarios.tables.source import TableLimits, TableReport, TableSource, too_large, unreadable
from droplearn.scenarios.tables.text_format import open_bytes

BATCH_ROWS = 65_536


class ParquetFile:
    """`names`: columns that hold single values; lists, structs, maps and bytes are left out with a note."""

    has_decimal_comma = False

    def __init__(self, source: TableSource, limits: TableLimits, report: TableReport) -> None:
        self._source = source
        try:
            with open_bytes(source) as stream:
                footer = pyarrow.parquet.ParquetFile(stream)
                schema, metadata = footer.schema_arrow, footer.metadata
                unpacked = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
        except (pa.ArrowException, OSError) as error:
            raise unreadable(source.name, f"{error}"[:300]) from error
        if unpacked > limits.max_bytes:
            raise too_large(f"{source.name} holds {unpacked:,} bytes", f"{limits.max_bytes:,}")
        self._types = {field.name: simple_type(field.type) for field in schema}
        if len(self._types) < len(schema):
            raise unreadable(source.name, "several columns have the same name.")
        left_out = [name for name, kind in self._types.items() if kind is None]
        if left_out:
            report.notes.append(f"{source.name}: columns without single values are left out: {', '.join(left_out)}.")
        self.names = [name for name, kind in self._types.items() if kind is not None]

    def types(self) -> dict[str, Any]:
        """Of the columns in `names`."""
        return {name: self._types[name] for name in self.names}

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """pyarrow.RecordBatch of these columns, in this order. Raises InvalidDataset."""
        try:
            with open_bytes(self._source) as stream:
                reader = pyarrow.parquet.ParquetFile(stream)
                for batch in reader.iter_batches(BATCH_ROWS, columns=list(columns), use_threads=False):
                    yield pa.RecordBatch.from_arrays([batch.column(n).cast(self._types[n]) for n in columns], names=list(columns))
        except (pa.ArrowException, OSError) as error:
            raise unreadable(self._source.name, f"{error}"[:300]) from error


def simple_type(kind: Any) -> Any | None:
    """What a column is turned into: string, int64, float64, bool or timestamp; None where it holds no single values."""
    if pa.types.is_dictionary(kind):
        return simple_type(kind.value_type)
    rules = (
        (pa.types.is_boolean, pa.bool_()),
        (lambda k: pa.types.is_integer(k) and not pa.types.is_uint64(k), pa.int64()),
        (lambda k: pa.types.is_floating(k) or pa.types.is_decimal(k) or pa.types.is_uint64(k), pa.float64()),
        (lambda k: pa.types.is_timestamp(k) or pa.types.is_date(k), pa.timestamp("us")),
        (lambda k: pa.types.is_string(k) or pa.types.is_large_string(k) or pa.types.is_string_view(k), pa.string()),
        (lambda k: pa.types.is_null(k) or pa.types.is_time(k), pa.string()),
    )
    return next((wanted for is_kind, wanted in rules if is_kind(kind)), None)
