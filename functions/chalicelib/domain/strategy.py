"""Strategies and filters of a recommendation project: where recommendations come from, and what is never recommended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from chalicelib.domain.records import InProject

StrategyKind = Literal["collaborative_filtering", "semantic", "custom"]
FilterKind = Literal["user_item", "item"]

TABLES_OF: dict[StrategyKind, tuple[str, ...]] = {
    "collaborative_filtering": ("user_item", "item_item"),
    "semantic": ("user_topic", "topic_item"),
    "custom": ("item",),
}
"""The tables of each kind, in the order in which they are read."""
NAME_PATTERN = r"^[A-Za-z][A-Za-z0-9_]{0,19}$"
MAX_STRATEGIES, MAX_FILTERS = 10, 10
"""Of one project: what is read for one prediction is bounded."""

TableFile = dict[str, str]
"""`{"dataset", "path"}`: a file that was dropped."""


@dataclass(frozen=True)
class Strategy(InProject):
    """A table that is not in `tables` is the model's own."""

    KIND: ClassVar[str] = "STRATEGY"

    project: str
    name: str
    kind: StrategyKind
    created_at: str
    recall_count: int = 100
    weight: float = 1.0
    is_fallback: bool = False
    tables: dict[str, TableFile] = field(default_factory=dict)
    updated_at: str | None = None

    @property
    def listing(self) -> tuple[str, str]:
        """A project's strategies by name."""
        return strategies_of(self.project), self.name


@dataclass(frozen=True)
class Filter(InProject):
    """`user_item`: these items are not recommended to these users. `item`: to nobody."""

    KIND: ClassVar[str] = "FILTER"

    project: str
    name: str
    kind: FilterKind
    created_at: str
    table: TableFile
    updated_at: str | None = None

    @property
    def listing(self) -> tuple[str, str]:
        """A project's filters by name."""
        return filters_of(self.project), self.name


def strategies_of(project: str) -> str:
    """The listing."""
    return f"PROJECT#{project}#STRATEGIES"


def filters_of(project: str) -> str:
    """The listing."""
    return f"PROJECT#{project}#FILTERS"
