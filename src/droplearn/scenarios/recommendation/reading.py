"""The tables of a dataset -> one log of interactions, the items' topics, and what was noticed on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.recommendation.cells import numbers, times
from droplearn.scenarios.recommendation.codebook import Codebook, as_text
from droplearn.scenarios.recommendation.columns import Roles, Wanted, no_user_column, roles_of
from droplearn.scenarios.recommendation.interactions import Codes, Interactions, Numbers, Times, gathered
from droplearn.scenarios.tables.source import TableReport, TableSource
from droplearn.scenarios.tables.stream import TableStream, open_tables

MAX_TOPICS_OF_ITEM = 50
_NO_TOPIC = {"", "(no genres listed)"}


@dataclass(frozen=True)
class Drop:
    """What was read. `topics`: item -> its topics. `notes`: sentences for the health report; `left_out`: rows, by reason."""

    log: Interactions
    topics: dict[str, list[str]]
    notes: list[str]
    left_out: dict[str, int]
    row_count: int


@dataclass
class _Rows:
    """Grows while files are read. `weights` and `times` are None from the first cell on that is no number."""

    users: Codebook = field(default_factory=Codebook)
    items: Codebook = field(default_factory=Codebook)
    user: list[Codes] = field(default_factory=list)
    item: list[Codes] = field(default_factory=list)
    weights: list[Numbers] | None = field(default_factory=list)
    times: list[Times] | None = field(default_factory=list)
    topics: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    row_count: int = 0
    has_log: bool = False

    def leave_out(self, reason: str, count: int) -> None:
        if count:
            self.left_out[reason] = self.left_out.get(reason, 0) + count


def read_drop(
    sources: Sequence[TableSource], wanted: Wanted, min_weight: float | None = None, check: Callable[[], None] = lambda: None
) -> Drop:
    """All files, each pair once.

    Raises:
        InvalidDataset: `dataset.no_user_column`, `dataset.no_item_column`, and those of unreadable tables.
    """
    rows, skipped = _Rows(), []
    for source in sources:
        names = open_tables([source]).columns
        roles = roles_of(source.name, names, wanted)
        if roles is None:
            skipped.append((source.name, names))
        elif roles.user is None:
            _read_items(rows, source, roles, check)
        else:
            _read_log(rows, source, roles, min_weight, check)
    if not rows.has_log:
        raise no_user_column(skipped or [(source.name, open_tables([source]).columns) for source in sources])
    rows.notes += [f"{name} was left out: it names neither users nor topics." for name, _ in skipped]
    log = gathered(
        rows.users.names,
        rows.items.names,
        np.concatenate([np.zeros(0, np.int32), *rows.user]),
        np.concatenate([np.zeros(0, np.int32), *rows.item]),
        np.concatenate(rows.weights) if rows.weights else None,
        np.concatenate(rows.times) if rows.times else None,
    )
    return Drop(log, rows.topics, rows.notes, rows.left_out, rows.row_count)


def _read_log(rows: _Rows, source: TableSource, roles: Roles, min_weight: float | None, check: Callable[[], None]) -> None:
    rows.has_log = True
    shown = [f"{role} = {name}" for role, name in vars(roles).items() if name is not None]
    rows.notes.append(f"{source.name}: {', '.join(shown)}.")
    if roles.has_kinds:
        rows.notes.append(f"{source.name}: {roles.weight} names kinds of actions: they are counted alike (see the option min_weight).")
    wanted = [name for name in (roles.user, roles.item, roles.weight, roles.time) if name is not None]
    stream = open_tables([source], columns=list(dict.fromkeys(wanted)))
    for batch in stream:
        check()
        _add(rows, batch, source.name, roles, stream, min_weight)
    _tell(rows, stream.report)


def _add(rows: _Rows, batch: Any, file: str, roles: Roles, stream: TableStream, min_weight: float | None) -> None:
    user = rows.users.places(as_text(batch.column(roles.user)))
    item = rows.items.places(as_text(batch.column(roles.item)))
    kept = (user >= 0) & (item >= 0)
    rows.leave_out("without user or item", int((~kept).sum()))
    weight = _weights(rows, batch, file, roles, stream)
    if weight is not None:
        is_wanted = weight >= (min_weight if min_weight is not None else -np.inf)
        is_wanted |= np.isnan(weight) & (min_weight is None)
        rows.leave_out("of too small a weight", int((kept & ~is_wanted).sum()))
        kept &= is_wanted
    _keep_column(rows, "weights", None if roles.has_kinds else weight, kept, 1.0, np.float32)
    _keep_column(rows, "times", _times(rows, batch, file, roles), kept, 0.0, np.float64)
    rows.user.append(user[kept])
    rows.item.append(item[kept])
    rows.row_count += batch.num_rows


def _keep_column(rows: _Rows, name: str, values: Times | None, kept: Any, missing: float, kind: Any) -> None:
    """One batch without such a column means: none of the log has it."""
    known = getattr(rows, name)
    if values is None:
        setattr(rows, name, None)
    elif known is not None:
        known.append(np.nan_to_num(values[kept], nan=missing).astype(kind))


def _weights(rows: _Rows, batch: Any, file: str, roles: Roles, stream: TableStream) -> Times | None:
    if roles.weight is None:
        return None
    found = numbers(batch.column(roles.weight), has_decimal_comma=stream.has_decimal_comma)
    if found is None:
        _note_once(rows, f"{file}: {roles.weight} holds no numbers: interactions are counted alike.")
    return found


def _times(rows: _Rows, batch: Any, file: str, roles: Roles) -> Times | None:
    if roles.time is None:
        return None
    found = times(batch.column(roles.time))
    if found is None:
        _note_once(rows, f"{file}: the times in {roles.time} cannot be read: interactions have no order. Use ISO 8601 or numbers.")
    return found


def _read_items(rows: _Rows, source: TableSource, roles: Roles, check: Callable[[], None]) -> None:
    assert roles.topics is not None  # noqa: S101 (roles_of sees to it)
    rows.notes.append(f"{source.name}: items = {roles.item}, topics = {roles.topics}.")
    stream = open_tables([source], columns=[roles.item, roles.topics])
    for batch in stream:
        check()
        for item, cell in zip(as_text(batch.column(roles.item)).to_pylist(), as_text(batch.column(roles.topics)).to_pylist(), strict=True):
            if item is not None and (found := split_topics(cell or "")):
                rows.topics[item.strip()] = found
    _tell(rows, stream.report)


def split_topics(cell: str) -> list[str]:
    """`Comedy|Drama` or `Comedy, Drama`."""
    parts = [part.strip() for part in cell.split("|" if "|" in cell else ",")]
    return list(dict.fromkeys(part for part in parts if part not in _NO_TOPIC))[:MAX_TOPICS_OF_ITEM]


def _tell(rows: _Rows, report: TableReport) -> None:
    rows.notes += report.warnings()
    rows.leave_out("with another number of cells than the header", report.ragged_count)


def _note_once(rows: _Rows, note: str) -> None:
    if note not in rows.notes:
        rows.notes.append(note)


def check_enough(log: Interactions, min_pairs: int, min_users: int, min_items: int) -> None:
    """Raises InvalidDataset (`dataset.too_few_examples`)."""
    counts = np.bincount(log.user, minlength=1)
    learnable, items = int((counts >= 2).sum()), len(np.unique(log.item))
    if len(log) < min_pairs or learnable < min_users or items < min_items:
        raise InvalidDataset(
            "dataset.too_few_examples",
            f"Too few interactions: {len(log)} pairs of user and item, {learnable} users with two or more, {items} items.",
            hint=f"At least {min_pairs} pairs, {min_users} users with two items each, and {min_items} items are needed.",
            details={"pairs": len(log), "users": learnable, "items": items},
        )
