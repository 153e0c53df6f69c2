"""What callers see of datasets and their examples."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chalicelib.api.views import View


class DatasetView(View):
    """A dataset with its counts, exact as soon as its drops are indexed."""

    project: str
    name: str
    scenario: str
    description: str
    created_at: str
    object_count: int = Field(description="Labelled, unlabelled, annotating, tables and skipped")
    labelled_count: int
    label_counts: dict[str, int]
    unlabelled_count: int
    annotation_count: int = Field(0, description="Objects that annotate others, as VOC XML files do")
    table_count: int = Field(0, description="Objects that hold many examples, as CSV files do")
    skipped_counts: dict[str, int] = Field(description="By reason")
    size_bytes: int
    last_event_at: str | None
    config: dict[str, Any] | None = Field(description="droplearn.yaml, as taken over")
    config_problem: dict[str, Any] | None = Field(description="Why droplearn.yaml was not taken over")
    config_started_task: str | None = Field(description="The task that droplearn.yaml's `train:` section started last")
    config_start_problem: dict[str, Any] | None = Field(description="Why the `train:` section could not start a task")
    health: dict[str, Any] | None = Field(description="What the newest training found when it read the examples")


class DatasetPage(View):
    """Datasets by name."""

    datasets: list[DatasetView]
    next_cursor: str | None = None


class ExampleView(View):
    """One indexed object; `path` is below the dataset."""

    path: str
    status: str
    label: str | None
    reason: str | None
    size_bytes: int
    etag: str


class ExamplePage(View):
    """Examples by path."""

    examples: list[ExampleView]
    next_cursor: str | None = None
