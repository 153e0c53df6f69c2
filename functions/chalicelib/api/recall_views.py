"""What callers see of strategies, filters and tables."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from chalicelib.api.views import View
from chalicelib.domain.strategy import FilterKind, StrategyKind
from droplearn.contracts.document import Part
from droplearn.contracts.ids import Name


class TableFileView(Part):
    """A file that was dropped into a dataset of the project: .csv, .tsv or .jsonl."""

    dataset: Name
    path: Annotated[str, Field(min_length=1, max_length=1000)]


class StrategyView(View):
    """A strategy. A table that is not named in `tables` is the model's own."""

    project: str
    name: str
    kind: StrategyKind
    recall_count: int
    weight: float
    is_fallback: bool
    tables: dict[str, TableFileView]
    created_at: str
    updated_at: str | None


class StrategyPage(View):
    """Strategies by name."""

    strategies: list[StrategyView]
    next_cursor: str | None = None


class FilterView(View):
    """A filter."""

    project: str
    name: str
    kind: FilterKind
    table: TableFileView
    created_at: str
    updated_at: str | None


class FilterPage(View):
    """Filters by name."""

    filters: list[FilterView]
    next_cursor: str | None = None


class TableNames(View):
    """The tables of a model."""

    tables: list[str]


class TablePreview(View):
    """Rows by the names of the table's two columns."""

    rows: list[dict[str, Any]]
    next_cursor: str | None = None
