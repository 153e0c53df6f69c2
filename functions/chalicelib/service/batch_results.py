"""What came of a batch job: its rows page by page, and links to whole files."""

from __future__ import annotations

from itertools import islice

from chalicelib.domain.batch_job import BatchJob
from chalicelib.domain.cursors import decode_cursor, encode_cursor, invalid_cursor
from chalicelib.domain.records import Page
from chalicelib.ports import Platform
from chalicelib.service.batch_files import FAILURES, REPORT, RESULTS, TABLES, table_names
from droplearn.contracts.batch import ResultRow
from droplearn.contracts.errors import Conflict
from droplearn.contracts.s3_layout import result_key, results_prefix

LINK_S = 900


def result_page(platform: Platform, job: BatchJob, limit: int, cursor: str | None, *, is_failed_only: bool) -> Page[ResultRow]:
    """Raises Conflict (`batch.not_summarised_yet`), InvalidRequest (`cursor.invalid`)."""
    _check(job)
    name = FAILURES if is_failed_only else RESULTS
    place = decode_cursor(cursor, {"file", "at"}, file=name)
    try:
        start = int(place["at"]) if place else 0
        found = list(islice(platform.lines.read("artifacts", results_prefix(job.id) + name, start), limit + 1))
        rows = [ResultRow.model_validate_json(line) for line, _ in found[:limit]]
    except ValueError as error:  # from the middle of a line
        raise invalid_cursor() from error
    return Page(rows, encode_cursor({"file": name, "at": str(found[limit - 1][1])} if len(found) > limit else None))


def result_links(platform: Platform, job: BatchJob) -> dict[str, str]:
    """The summary in the forms that were asked for. Raises Conflict (`batch.not_summarised_yet`)."""
    _check(job)
    tables = {f"summary_{form}": name for form, (name, _) in TABLES.items() if name in table_names(job)}
    files = tables | {"results_jsonl": RESULTS, "failures_jsonl": FAILURES, "report_json": REPORT}
    return {name: platform.links.to_artifact(results_prefix(job.id) + file, LINK_S) for name, file in files.items()}


def link_of(platform: Platform, job: BatchJob, row: ResultRow) -> str | None:
    """To the answer as the model gave it; None where there is none."""
    return None if row.error == "no_answer" else platform.links.to_artifact(result_key(job.id, row.file), LINK_S)


def _check(job: BatchJob) -> None:
    if job.report is None:
        raise Conflict("batch.not_summarised_yet", f"The batch job is {job.status}: it has no summary.", hint="Wait for its end.")
