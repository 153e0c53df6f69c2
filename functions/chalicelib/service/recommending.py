"""A prediction of a service of tables: at most two reads for a user whom the model knows. The hot path: no pydantic."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.recall import (
    EVERYBODY,
    PLAN,
    Found,
    Merge,
    RecallPlan,
    RowKey,
    Scored,
    Source,
    excluded_items,
    first_rows,
    merged,
    next_rows,
    recalled,
)
from droplearn.contracts.errors import CapacityUnavailable
from droplearn.contracts.recommendation import parse_ids

if TYPE_CHECKING:
    from chalicelib.ports import RecallTables

MAX_REMEMBERED = 300_000
"""Pairs of (item, weight) that one process keeps: some 40 MB."""


@dataclass(frozen=True)
class Asked:
    """What a caller wants."""

    user: str
    count: int = 10
    merge: Merge = "weighted"


class Recommender:
    """Of one version of a service. Remembers the plan and the rows that all users share: a version never changes."""

    def __init__(self, tables: RecallTables, version: str) -> None:
        self._tables, self._version = tables, version
        self._text = ""
        self._plan: RecallPlan | None = None
        self._shared: dict[RowKey, Scored] = {}
        self._pair_count = 0
        self.read_s = 0.0
        """Seconds that all reads took so far."""

    def recommend(self, asked: Asked) -> list[Found]:
        """At most `count` items, the best first. Raises CapacityUnavailable (`service.not_running`)."""
        plan = self._plan or self._read_plan()
        rows: dict[RowKey, Scored] = {}
        self._read(rows, first_rows(plan, asked.user), asked.user)
        excluded = excluded_items(plan, asked.user, rows)
        main = [source for source in plan.sources if not source.is_fallback]
        found = merged(self._recall(main, asked.user, rows, excluded), asked.merge)
        for source in plan.sources:
            if source.is_fallback and len(found) < asked.count:
                known = excluded | {one.item for one in found}
                found += merged(self._recall([source], asked.user, rows, known), asked.merge)
        return found[: asked.count]

    def _recall(self, sources: Sequence[Source], user: str, rows: dict[RowKey, Scored], excluded: set[str]) -> list[tuple[Source, Scored]]:
        self._read(rows, [key for source in sources for key in next_rows(source, user, rows)], user)
        return [(source, recalled(source, user, rows, excluded)) for source in sources]

    def _read_plan(self) -> RecallPlan:
        self._read({}, [(PLAN, EVERYBODY)], EVERYBODY)
        assert self._plan is not None  # noqa: S101 (_read raises without one)
        return self._plan

    def _read(self, rows: dict[RowKey, Scored], keys: Sequence[RowKey], user: str) -> None:
        rows |= {key: self._shared[key] for key in keys if key in self._shared}
        wanted = [key for key in dict.fromkeys(keys) if key not in rows]
        if not wanted:
            return
        started = time.perf_counter()
        texts = self._tables.read(self._version, wanted)
        if (PLAN, EVERYBODY) in wanted and (PLAN, EVERYBODY) not in texts:  # removed, or published an instant ago
            texts = self._tables.read(self._version, wanted, is_consistent=True)
        self.read_s += time.perf_counter() - started
        if (PLAN, EVERYBODY) in wanted:
            self._keep_plan(texts.pop((PLAN, EVERYBODY), ""))
        for key in wanted:
            if key[0] != PLAN:
                rows[key] = parse_ids(texts.get(key, ""))
                self._keep_shared(key, rows[key], user)

    def _keep_plan(self, text: str) -> None:
        """What was remembered chose the rows; its own row comes along with them, and is gone where the version's rows were removed. A
        service that no longer serves the version is refused before, by its record (api/recommend.py).
        """
        if not text:
            raise CapacityUnavailable("service.not_running", "The service is not running.", hint="Deploy the model.")
        if text != self._text:
            self._text, self._plan = text, RecallPlan.from_text(text)
            self._shared.clear()
            self._pair_count = 0

    def _keep_shared(self, key: RowKey, row: Scored, user: str) -> None:
        """Everything but a user's own rows."""
        if key[1] != user and self._pair_count + len(row) <= MAX_REMEMBERED:
            self._shared[key] = row
            self._pair_count += len(row) + 1
