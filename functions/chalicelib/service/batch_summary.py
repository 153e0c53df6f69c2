"""Step Summarise: reads every result once and writes one table of them all. It goes on where it was left.

Rows are first written in parts, each with the sums so far beside it: a part that is written twice is the same. The last calls join them.
Why a Lambda and not a job: docs/decisions/0010-batch-summary.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, NamedTuple

from chalicelib.domain.batch_job import BatchJob
from chalicelib.domain.batch_rows import Sums, label_reports, metrics_of, rows_of
from chalicelib.ports import Platform
from chalicelib.service.batch_files import REPORT, failures_key, rows_key, sums_key, whole_files, write_whole
from chalicelib.service.batch_plan import INPUTS
from chalicelib.service.finding import find_batch_job, find_model
from chalicelib.service.line_stream import line_stream
from droplearn.contracts.batch import MAX_LISTED_LABELS, BatchInput, BatchReport, ResultRow
from droplearn.contracts.s3_layout import batch_prefix, result_key, results_prefix

AT_ONCE = 20
WINDOW, WINDOW_BYTES = 200, 4 * 1024 * 1024
"""Results in memory at a time: so many, or those of inputs of so many bytes (a table's result is larger than the table)."""
PART_FILES, PART_BYTES = 5000, 256 * 1024 * 1024
"""Between two looks at the clock, in the same measures."""


class Summarised(NamedTuple):
    """`cursor` None: done."""

    cursor: dict[str, Any] | None
    file_count: int


class _Window(NamedTuple):
    inputs: list[BatchInput]
    end: int


def summarise(platform: Platform, batch_id: str, attempt: int, cursor: dict[str, Any] | None, has_time: Callable[[], bool]) -> Summarised:
    """Until all is summarised or time is short. Raises TransientError: the same cursor again goes on."""
    batch = find_batch_job(platform, batch_id)
    if batch.attempt != attempt or batch.state.is_terminal:
        return Summarised(None, 0)
    place, parts = (int(cursor["at"]), int(cursor["parts"])) if cursor else (0, 0)
    prefix = batch_prefix(batch_id, attempt)
    sums = Sums(json.loads(platform.artifacts.read(sums_key(prefix, parts)) or b"{}")) if parts else Sums()
    if not (cursor and cursor["is_read"]):
        for part in _parts(platform, prefix, place):
            place, parts = _write_part(platform, batch, part, sums, parts), parts + 1
            if not has_time():
                return Summarised({"at": place, "parts": parts, "is_read": False}, sums.files)
    files = whole_files(batch)
    for number in range(int(cursor.get("joined", 0)) if cursor else 0, len(files)):
        if parts and not has_time():
            return Summarised({"at": place, "parts": parts, "is_read": True, "joined": number}, sums.files)
        write_whole(platform, batch, files[number], parts)
    _report(platform, batch, sums)
    return Summarised(None, sums.files)


def _parts(platform: Platform, prefix: str, start: int) -> Iterator[list[_Window]]:
    """Some windows each."""
    part: list[_Window] = []
    count = size = 0
    for window in _windows(platform, prefix + INPUTS, start):
        part.append(window)
        count, size = count + len(window.inputs), size + sum(given.size_bytes for given in window.inputs)
        if count >= PART_FILES or size >= PART_BYTES:
            yield part
            part, count, size = [], 0, 0
    if part:
        yield part


def _windows(platform: Platform, key: str, start: int) -> Iterator[_Window]:
    inputs: list[BatchInput] = []
    size, end = 0, start
    for line, after in platform.lines.read("artifacts", key, start):
        given = BatchInput.model_validate_json(line)
        if inputs and (len(inputs) == WINDOW or size + given.size_bytes > WINDOW_BYTES):
            yield _Window(inputs, end)
            inputs, size = [], 0
        inputs.append(given)
        size, end = size + given.size_bytes, after
    if inputs:
        yield _Window(inputs, end)


def _write_part(platform: Platform, batch: BatchJob, part: list[_Window], sums: Sums, number: int) -> int:
    """Rows, failures and sums; returns the place behind its last input."""
    known = frozenset(find_model(platform, batch.model).labels)
    failures: list[ResultRow] = []

    def lines(pool: Executor) -> Iterator[bytes]:
        for window in part:
            for rows in _read(platform, batch, window.inputs, pool):
                sums.add(rows, known)
                failures.extend(row for row in rows if row.error is not None)
                yield b"".join(map(_line, rows))

    prefix = batch_prefix(batch.id, batch.attempt)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        platform.artifacts.upload(rows_key(prefix, number), line_stream(lines(pool)))
    platform.artifacts.write(failures_key(prefix, number), b"".join(map(_line, failures)))
    platform.artifacts.write(sums_key(prefix, number + 1), json.dumps(sums.to_dict()).encode())
    return part[-1].end


def _read(platform: Platform, batch: BatchJob, inputs: Sequence[BatchInput], pool: Executor) -> list[list[ResultRow]]:
    def look(given: BatchInput) -> list[ResultRow]:
        body = platform.artifacts.read(result_key(batch.id, given.key))
        return rows_of(given, None if body is None else _parsed(body))

    return list(pool.map(look, inputs))


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return {}


def _report(platform: Platform, batch: BatchJob, sums: Sums) -> None:
    report = BatchReport(
        batch_id=batch.id,
        model_id=batch.model,
        scenario=batch.scenario,
        input_count=sums.files,
        answered_count=sums.files - sums.failed,
        failed_count=sums.failed,
        failure_counts=dict(sums.failures),
        skipped_counts=batch.skipped_counts or {},
        label_counts=dict(sums.labels.most_common(MAX_LISTED_LABELS)),
        row_count=sums.rows,
        scored_count=sum(sums.pairs.values()),
        metrics=metrics_of(sums.pairs),
        labels=label_reports(sums.pairs),
        warnings=_warnings(platform, batch, sums),
    )
    platform.artifacts.write(results_prefix(batch.id) + REPORT, report.to_json().encode())
    short = report.model_dump(mode="json", exclude={"labels"})
    platform.batch_jobs.change(batch.id, {"report": short}, only_if={"attempt": [batch.attempt]})


def _warnings(platform: Platform, batch: BatchJob, sums: Sums) -> list[str]:
    model = platform.models.get(batch.model)
    if not sums.pairs or model is None or model.dataset != batch.dataset:
        return []
    return ["The model was made from this dataset: it has learnt from most of these examples, and the metrics flatter it."]


def _line(row: ResultRow) -> bytes:
    return row.model_dump_json(exclude_none=True).encode() + b"\n"
