"""A fitted model as tables: what the service reads, row by row. Forms: contracts/recommendation.py and README.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from droplearn.contracts.recommendation import POPULAR, TABLE_ROLE, escaped, file_of, form_of
from droplearn.scenarios.learning import DraftFile
from droplearn.scenarios.recommendation.interactions import Interactions, Matrix, Numbers, rank_within, recent_first
from droplearn.scenarios.recommendation.recommenders.ranking import NEVER, Recommender, rank_items

MAX_RECOMMENDED = 20_000_000
"""Recommendations in all: with very many users each has fewer."""
MAX_HISTORY = 1_000
MAX_POPULAR = 1_000

Texts = Iterator[tuple[str, str]]
Check = Callable[[], None]


def table_file(table: str, rows: Iterable[tuple[str, str]]) -> DraftFile:
    """One JSON object a line."""
    form = form_of(table)
    key, value = json.dumps(form.key), json.dumps(form.value or "weight")
    lines = [f"{{{key}: {json.dumps(name, ensure_ascii=False)}, {value}: {json.dumps(text, ensure_ascii=False)}}}\n" for name, text in rows]
    return DraftFile(file_of(table), TABLE_ROLE, "".join(lines).encode())


def user_item(log: Interactions) -> Texts:
    """Each user's items, the latest (else the heaviest) first, with weights where the log has some."""
    order = recent_first(log)
    order = order[rank_within(log.user[order]) < MAX_HISTORY]
    names = [escaped(name) for name in log.items]
    user = log.user[order]
    start = 0
    for end in (np.flatnonzero(np.diff(user, append=-1)) + 1).tolist():
        rows = order[start:end]
        start = end
        weights = log.weight[rows].tolist() if log.is_weighted else None
        yield log.users[log.user[rows[0]]], joined([names[i] for i in log.item[rows].tolist()], weights)


def item_item(log: Interactions, weights: Matrix) -> Texts:
    """Each item's neighbours."""
    names = [escaped(name) for name in log.items]
    for row, name in enumerate(log.items):
        span = slice(weights.indptr[row], weights.indptr[row + 1])
        order = np.argsort(-weights.data[span], kind="stable")
        if len(order):
            places, values = weights.indices[span][order].tolist(), weights.data[span][order].tolist()
            yield name, joined([names[i] for i in places], values)


def user_recommended(
    log: Interactions, recommender: Recommender, history: Matrix, popularity: Numbers, depth: int, *, excludes_history: bool, check: Check
) -> Texts:
    """What the model recommends to each user whom it knows: exact, whatever kind of model it is."""
    depth = min(depth, max(10, MAX_RECOMMENDED // max(1, len(log.users))))
    names = [escaped(name) for name in log.items]
    for block in rank_items(recommender, history, popularity, depth, excludes_history=excludes_history, check=check):
        is_real = block.scores > max(float(NEVER) / 2, 1e-6)
        for row, (items, scores) in enumerate(zip(block.items.tolist(), block.scores.tolist(), strict=True)):
            count = int(is_real[row].sum())
            if count and history.indptr[block.first + row] < history.indptr[block.first + row + 1]:
                yield log.users[block.first + row], joined([names[i] for i in items[:count]], scores[:count])


def popular(log: Interactions, popularity: Numbers) -> Texts:
    """The items of most users."""
    order = np.argsort(-popularity, kind="stable")[:MAX_POPULAR]
    for place in order.tolist():
        if popularity[place] > 0:
            yield log.items[place], f"{popularity[place]:g}"


def joined(names: list[str], weights: list[float] | None) -> str:
    """`id:w,id:w`."""
    if weights is None:
        return ",".join(names)
    return ",".join([f"{name}:{weight:.4g}" for name, weight in zip(names, weights, strict=True)])


def row_counts(files: Iterable[DraftFile]) -> Mapping[str, int]:
    """Rows of each table."""
    return {file.name.removesuffix(".jsonl"): file.content.count(b"\n") for file in files if file.role == TABLE_ROLE}


__all__ = ["POPULAR", "item_item", "popular", "row_counts", "table_file", "user_item", "user_recommended"]
