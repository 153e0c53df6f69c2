"""All rows of a dataset's tables, or, of tables that do not fit into memory, rows drawn evenly from all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.learning import ExampleSource
from droplearn.scenarios.learning.arrays import Integers
from droplearn.scenarios.tables.layout import table_sources
from droplearn.scenarios.tables.source import MISSING_WORDS, TableReport
from droplearn.scenarios.tables.stream import open_tables

MAX_CELLS = 30_000_000
"""In memory, at about 100 bytes each while columns are examined."""


@dataclass(frozen=True)
class ReadRows:
    """`data`: a pyarrow.Table; `numbers`: the place of each of its rows in the joined tables, from 0."""

    data: Any
    numbers: Integers
    report: TableReport
    has_decimal_comma: bool


def read_rows(source: ExampleSource, seed: int, max_cells: int = MAX_CELLS) -> ReadRows:
    """The same rows for the same seed. Raises InvalidDataset (see `open_tables`; `dataset.empty` without a row)."""
    sources = table_sources(source)
    stream = open_tables(sources, missing=MISSING_WORDS)
    limit = max(1, max_cells // max(len(stream.columns), 1))
    generator, share = np.random.default_rng(seed), 1.0
    kept: list[tuple[Any, Integers, Any]] = []
    start = 0
    for batch in stream:
        drawn = generator.random(batch.num_rows)
        kept.append(_thin(batch, np.arange(start, start + batch.num_rows), drawn, share))
        start += batch.num_rows
        while sum(len(numbers) for _, numbers, _ in kept) > limit:
            share /= 2
            kept = [_thin(*part, share) for part in kept]
    if not start:
        ragged = f": {stream.report.ragged_count} rows do not fit the header" if stream.report.ragged_count else ""
        raise InvalidDataset(
            "dataset.empty", f"{sources[0].name} has no usable row{ragged}.", hint="The first row names the columns; the others are data."
        )
    if share < 1:
        stream.report.notes.append(f"The tables have {start:,} rows; 1 in {round(1 / share)} of them, drawn at random, is learnt from.")
    schema = pa.schema([(name, stream.types[name]) for name in stream.columns])
    data = pa.Table.from_batches([batch for batch, _, _ in kept], schema)
    return ReadRows(data, np.concatenate([numbers for _, numbers, _ in kept]), stream.report, stream.has_decimal_comma)


def _thin(batch: Any, numbers: Integers, drawn: Any, share: float) -> tuple[Any, Integers, Any]:
    if share >= 1:
        return batch, numbers, drawn
    is_kept = drawn < share
    return batch.filter(pa.array(is_kept)), numbers[is_kept], drawn[is_kept]
