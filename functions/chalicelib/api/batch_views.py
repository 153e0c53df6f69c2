"""What callers see of batch jobs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chalicelib.api.views import ErrorView, View
from chalicelib.domain.batch_job import SummaryForm
from droplearn.contracts.status import BatchStatus


class BatchJobView(View):
    """A batch job."""

    id: str
    name: str | None
    project: str
    model: str
    scenario: str
    status: BatchStatus
    dataset: str | None
    prefix: str | None
    options: dict[str, str]
    variant: str = Field(description="Of the model: `fp32` as trained, `int8`, `fp16`")
    summary: SummaryForm
    instance_type: str
    instance_count: int
    max_runtime_s: int
    attempt: int
    transform_job: str | None
    input_count: int | None = Field(description="Objects to answer about; known once it runs")
    done_count: int | None = Field(description="Of these, those whose transform job is over")
    skipped_counts: dict[str, int] | None = Field(description="Objects that are no input, by reason")
    report: dict[str, Any] | None = Field(description="Counts and, where the true labels are known, metrics; once it is summarised")
    created_at: str
    updated_at: str
    queued_since: str | None
    started_at: str | None
    ended_at: str | None
    error: ErrorView | None


class BatchJobPage(View):
    """Batch jobs, newest first."""

    batch_jobs: list[BatchJobView]
    next_cursor: str | None = None


class ResultRowView(View):
    """One row of the summary; `result_url`: the whole answer about its file, for a quarter of an hour."""

    file: str
    item: int = Field(description="Its place among several of the same file: boxes, texts, table rows")
    label: str | float | None
    score: float | None
    error: str | None
    detail: str | None
    true_label: str | None
    result_url: str | None


class ResultPage(View):
    """Rows in the order of their files."""

    rows: list[ResultRowView]
    next_cursor: str | None = None


class ResultFilesView(View):
    """URLs of the whole files, for a quarter of an hour; the summary in the forms that were asked for."""

    summary_csv: str | None = None
    summary_parquet: str | None = None
    results_jsonl: str
    failures_jsonl: str
    report_json: str
