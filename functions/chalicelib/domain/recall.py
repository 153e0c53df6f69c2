"""How a service of tables answers: which rows it needs, and what it makes of them. Pure, and on the hot path: no pydantic."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

EVERYBODY = "*"
"""Key of the one row of a table that is a list."""
PLAN = "plan"
"""Table of one row: the RecallPlan. A service without it does not answer."""
MAX_HISTORY = 100
"""So many of a user's items are looked up; a BatchGetItem takes 100 keys. Source: Amazon DynamoDB, "Service, account, and table quotas"."""
MAX_TOPICS = 20

Merge = Literal["weighted", "round_robin"]
RowKey = tuple[str, str]
"""(table, key)."""
Scored = list[tuple[str, float]]


@dataclass(frozen=True)
class Source:
    """A strategy as a service uses it. `tables`: role (`user_item`, ...) -> the stored table's name."""

    name: str
    kind: str
    recall_count: int
    tables: dict[str, str]
    weight: float = 1.0
    is_fallback: bool = False
    """Asked only where the others give too few."""


@dataclass(frozen=True)
class RecallPlan:
    """All that a version of a service knows of itself; frozen when it is published."""

    sources: list[Source]
    pair_filters: list[str] = field(default_factory=list)
    item_filters: list[str] = field(default_factory=list)
    seen: str | None = None
    """The table whose items a user is never recommended; None: he is."""

    def to_text(self) -> str:
        """JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> RecallPlan:
        """The reverse."""
        told: dict[str, Any] = json.loads(text)
        return cls(**told | {"sources": [Source(**source) for source in told["sources"]]})


class Found(NamedTuple):
    """`strategy` recalled it."""

    item: str
    strategy: str


def first_rows(plan: RecallPlan, user: str) -> list[RowKey]:
    """Everything that can be named before anything is known of the user."""
    keys: list[RowKey] = [(PLAN, EVERYBODY)]
    for source in plan.sources:
        keys += [(table, user) for role, table in source.tables.items() if role.startswith("user_")]
        if not source.is_fallback and "item" in source.tables:
            keys.append((source.tables["item"], EVERYBODY))
    keys += [(table, user) for table in [*plan.pair_filters, *([plan.seen] if plan.seen else [])]]
    keys += [(table, EVERYBODY) for table in plan.item_filters]
    return list(dict.fromkeys(keys))


def next_rows(source: Source, user: str, rows: Mapping[RowKey, Scored]) -> list[RowKey]:
    """The rows that the user's own rows point to."""
    if source.kind == "custom":
        return [(source.tables["item"], EVERYBODY)]
    if rows.get((source.tables.get("user_recommended", ""), user)):
        return []
    own, other, limit = roles(source)
    return [(source.tables[other], name) for name, _ in rows.get((source.tables[own], user), [])[:limit]]


def roles(source: Source) -> tuple[str, str, int]:
    """(the table by user, the table that it points into, how many of its entries count)."""
    return ("user_topic", "topic_item", MAX_TOPICS) if source.kind == "semantic" else ("user_item", "item_item", MAX_HISTORY)


def recalled(source: Source, user: str, rows: Mapping[RowKey, Scored], excluded: Collection[str]) -> Scored:
    """At most `recall_count` items, the best first."""
    if source.kind == "custom":
        ranked: Iterable[tuple[str, float]] = rows.get((source.tables["item"], EVERYBODY), [])
    elif made := rows.get((source.tables.get("user_recommended", ""), user)):
        ranked = made
    else:
        ranked = _summed(source, user, rows)
    found: Scored = []
    for pair in ranked:
        if pair[0] not in excluded:
            found.append(pair)
            if len(found) == source.recall_count:
                break
    return found


def _summed(source: Source, user: str, rows: Mapping[RowKey, Scored]) -> Scored:
    """The weights of what the user's rows point to, each times the user's own weight."""
    own, other, limit = roles(source)
    sums: dict[str, float] = defaultdict(float)
    for name, weight in rows.get((source.tables[own], user), [])[:limit]:
        for item, score in rows.get((source.tables[other], name), []):
            sums[item] += weight * score
    return sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))


def excluded_items(plan: RecallPlan, user: str, rows: Mapping[RowKey, Scored]) -> set[str]:
    """What the filters take away."""
    keys = [(table, user) for table in [*plan.pair_filters, *([plan.seen] if plan.seen else [])]]
    keys += [(table, EVERYBODY) for table in plan.item_filters]
    return {item for key in keys for item, _ in rows.get(key, [])}


def merged(lists: Sequence[tuple[Source, Scored]], merge: Merge) -> list[Found]:
    """One list, each item once."""
    return _by_turns(lists) if merge == "round_robin" else _by_weight(lists)


def _by_turns(lists: Sequence[tuple[Source, Scored]]) -> list[Found]:
    """The first of each strategy, then the second of each, ..."""
    longest = max((len(scored) for _, scored in lists), default=0)
    turns = (Found(scored[place][0], source.name) for place in range(longest) for source, scored in lists if place < len(scored))
    found: dict[str, Found] = {}
    for one in turns:
        found.setdefault(one.item, one)
    return list(found.values())


def _by_weight(lists: Sequence[tuple[Source, Scored]]) -> list[Found]:
    """Scores over the strategy's best score, times its weight, summed; named is the strategy that adds most."""
    sums: dict[str, float] = defaultdict(float)
    most: dict[str, tuple[float, str]] = {}
    for source, scored in lists:
        top = max((score for _, score in scored), default=0.0)
        for place, (item, score) in enumerate(scored):
            share = source.weight * (score / top if top > 0 else 1 / (1 + place))
            sums[item] += share
            if item not in most or share > most[item][0]:
                most[item] = (share, source.name)
    ranked = sorted(sums, key=lambda item: -sums[item])
    return [Found(item, most[item][1]) for item in ranked]
