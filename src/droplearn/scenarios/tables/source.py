"""What is read, within which bounds, and what the reader tells about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from droplearn.contracts.errors import InvalidDataset

MAX_LISTED_ROWS = 100
MISSING_WORDS = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "NULL", "null", "<NA>")
"""Cells that mean "no value" in tables for prediction (not in logs of ids). `none` and `None` are not among them: often they are values."""


@dataclass(frozen=True)
class TableSource:
    """A file, or the bytes of one. `name` decides the format and is what messages say."""

    name: str
    content: Path | bytes

    @property
    def is_parquet(self) -> bool:
        """By its extension."""
        return self.name.lower().endswith(".parquet")

    @property
    def size_bytes(self) -> int:
        """As stored."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size


@dataclass(frozen=True)
class TableLimits:
    """Over all files together. `max_bytes`: of text, or of Parquet's columns once unpacked."""

    max_bytes: int = 4 * 1024**3
    max_rows: int = 20_000_000
    max_columns: int = 2_000
    max_row_bytes: int = 4 * 1024**2


DEFAULT_LIMITS = TableLimits()


@dataclass(frozen=True)
class RaggedRow:
    """A row of CSV that has not as many cells as the header; it is left out."""

    file: str
    line: int
    """Counted from 1, the header included; empty lines, and line breaks inside cells, are not counted."""
    expected: int
    found: int


@dataclass
class TableReport:
    """Grows while batches are read. `notes`: sentences about encodings, delimiters, renamed or left out columns."""

    notes: list[str] = field(default_factory=list)
    ragged: list[RaggedRow] = field(default_factory=list)
    """At most MAX_LISTED_ROWS; the count is complete."""
    ragged_count: int = 0
    row_count: int = 0

    def add_ragged(self, row: RaggedRow) -> None:
        """Counts, and keeps the first ones."""
        self.ragged_count += 1
        if len(self.ragged) < MAX_LISTED_ROWS:
            self.ragged.append(row)

    def warnings(self) -> list[str]:
        """The notes, and the ragged rows in one sentence."""
        if not self.ragged_count:
            return list(self.notes)
        shown = ", ".join(f"{r.file} line {r.line} ({r.found} cells, not {r.expected})" for r in self.ragged[:5])
        more = ", ..." if self.ragged_count > 5 else ""
        return [*self.notes, f"{self.ragged_count} rows were left out: their number of cells is not the header's: {shown}{more}."]


def unreadable(name: str, why: str, hint: str = "Save the table as CSV (UTF-8) or Parquet and drop it again.") -> InvalidDataset:
    """The one error for a file that is no usable table."""
    return InvalidDataset("dataset.unreadable_table", f"{name} cannot be read as a table: {why}", hint=hint)


def too_large(what: str, limit: str) -> InvalidDataset:
    """The one error for a limit."""
    return InvalidDataset("dataset.table_too_large", f"{what}; the limit is {limit}.", hint="Drop a part of it, or fewer columns.")
