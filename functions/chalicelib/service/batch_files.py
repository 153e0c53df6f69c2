"""The whole files that a batch job leaves, each streamed together from the parts that Summarise has written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from chalicelib.domain.batch_job import BatchJob
from chalicelib.domain.summary_tables import csv_of, parquet_of
from chalicelib.ports import Platform
from chalicelib.service.line_stream import line_stream
from droplearn.contracts.s3_layout import batch_prefix, results_prefix

RESULTS, FAILURES, REPORT = "results.jsonl", "failures.jsonl", "report.json"
TABLES: dict[str, tuple[str, Callable[[Iterable[bytes]], Iterator[bytes]]]] = {
    "csv": ("summary.csv", csv_of),
    "parquet": ("summary.parquet", parquet_of),
}


def table_names(batch: BatchJob) -> list[str]:
    """Of the summary, in the forms that were asked for."""
    forms = list(TABLES) if batch.summary == "both" else [batch.summary]
    return [TABLES[form][0] for form in forms]


def whole_files(batch: BatchJob) -> list[str]:
    """In the order in which they are written."""
    return [RESULTS, FAILURES, *table_names(batch)]


def write_whole(platform: Platform, batch: BatchJob, name: str, parts: int) -> None:
    """One of them, of so many parts: neither memory nor disk grows with their number."""
    prefix, key_of = batch_prefix(batch.id, batch.attempt), failures_key if name == FAILURES else rows_key
    lines = _lines(platform, [key_of(prefix, number) for number in range(parts)])
    form = dict(TABLES.values()).get(name, _plain)
    platform.artifacts.upload(results_prefix(batch.id) + name, line_stream(form(lines)))


def _plain(lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield line + b"\n"


def _lines(platform: Platform, keys: Iterable[str]) -> Iterator[bytes]:
    for key in keys:
        yield from platform.artifacts.lines(key)


def rows_key(prefix: str, number: int) -> str:
    """A part's rows."""
    return f"{prefix}parts/{number:06d}.jsonl"


def failures_key(prefix: str, number: int) -> str:
    """A part's rows without an answer."""
    return f"{prefix}parts/{number:06d}.failures.jsonl"


def sums_key(prefix: str, number: int) -> str:
    """The sums of all parts before this one."""
    return f"{prefix}parts/{number:06d}.sums.json"
