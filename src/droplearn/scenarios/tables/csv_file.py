"""One CSV file as batches of string columns."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv

from droplearn.scenarios.tables.names import unique_names
from droplearn.scenarios.tables.source import RaggedRow, TableLimits, TableReport, TableSource, unreadable
from droplearn.scenarios.tables.text_format import TextFormat, find_format, open_bytes


class CsvFile:
    """`names`: unique column names, in the file's order."""

    def __init__(self, source: TableSource, limits: TableLimits, report: TableReport, missing: Sequence[str]) -> None:
        self._source, self._limits, self._report, self._missing = source, limits, report, list(missing)
        self._format: TextFormat = find_format(source)
        self.names, notes = unique_names(self._format.header, source.name)
        report.notes.extend([*self._format.notes, *notes])

    @property
    def has_decimal_comma(self) -> bool:
        """Where the semicolon separates cells, `1,5` is a number."""
        return self._format.delimiter == ";"

    def types(self) -> dict[str, Any]:
        """All strings."""
        return dict.fromkeys(self.names, pa.string())

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """pyarrow.RecordBatch of these columns, in this order. Raises InvalidDataset."""
        if not self._format.has_rows:
            return
        with self._open() as stream:
            try:
                yield from self._read(stream, columns)
            except pa.ArrowInvalid as error:
                raise unreadable(self._source.name, f"{error}.", hint="Look for a quotation mark that is never closed.") from error

    def _open(self) -> BinaryIO:
        stream = open_bytes(self._source)
        if self._format.encoding == "utf-8":
            return stream
        return io.BufferedReader(Transcoded(stream, self._format.encoding), 1024 * 1024)

    def _read(self, stream: BinaryIO, columns: Sequence[str]) -> Iterator[Any]:
        reader = pyarrow.csv.open_csv(
            stream,
            # One thread: with several, pyarrow does not know the number of a ragged row.
            pyarrow.csv.ReadOptions(
                use_threads=False,
                block_size=self._limits.max_row_bytes,
                column_names=self.names,
                skip_rows=self._format.blank_lines,
                skip_rows_after_names=1,
            ),
            pyarrow.csv.ParseOptions(delimiter=self._format.delimiter, newlines_in_values=True, invalid_row_handler=self._on_ragged),
            pyarrow.csv.ConvertOptions(
                check_utf8=True,
                column_types=self.types(),
                include_columns=list(columns),
                null_values=self._missing,
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
        with reader:
            yield from (batch for batch in reader if batch.num_rows)

    def _on_ragged(self, row: Any) -> str:
        self._report.add_ragged(RaggedRow(self._source.name, row.number or 0, row.expected_columns, row.actual_columns))
        return "skip"


class Transcoded(io.RawIOBase):
    """A stream of any encoding as UTF-8. What cannot be decoded becomes U+FFFD."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._stream, self._decoder, self._ready = stream, codecs.getincrementaldecoder(encoding)("replace"), b""
        self._is_done = False

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """0 at the end."""
        while not self._ready and not self._is_done:
            raw = self._stream.read(len(buffer))
            self._is_done = not raw
            self._ready = self._decoder.decode(raw, self._is_done).encode("utf-8")
        part, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        """The inner stream too."""
        self._stream.close()
        super().close()
