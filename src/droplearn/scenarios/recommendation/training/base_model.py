"""Incremental training: the base version's tables are read again beside the new ones, and what the base model's service would recommend is
compared with the new model on interactions that neither has seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from droplearn.contracts.model import BaseModelComparison
from droplearn.contracts.recommendation import file_of, parse_ids
from droplearn.scenarios.learning import BaseModelSource, ExampleSource
from droplearn.scenarios.recommendation.columns import Wanted
from droplearn.scenarios.recommendation.interactions import Interactions, Matrix
from droplearn.scenarios.recommendation.metrics import AT, list_metrics
from droplearn.scenarios.recommendation.reading import read_drop
from droplearn.scenarios.recommendation.training.selection import Question
from droplearn.scenarios.tables.layout import table_sources
from droplearn.scenarios.tables.source import TableSource

METRIC = "ndcg_at_10"
_FALL = 0.01


def all_sources(source: ExampleSource, base: BaseModelSource | None) -> list[TableSource]:
    """The base version's tables first, then those that are new: the same content counts once."""
    new = table_sources(source)
    if base is None or base.source is None:
        return new
    known = {example.etag for example in base.source.examples}
    etags = {example.path: example.etag for example in source.examples}
    return [*table_sources(base.source), *(table for table in new if etags[table.name] not in known)]


def compare(
    base: BaseModelSource,
    log: Interactions,
    is_held: np.ndarray,
    question: Question,
    lists: list[list[int]],
    reading: tuple[Wanted, float | None],
) -> BaseModelComparison:
    """On held-out interactions that the base model did not learn from, of users whom it knows. None such: equal figures on 0 users."""
    before_lists, after_lists, relevant = [], [], []
    known_to_base = _pairs_of(base, log, reading)
    seen: Matrix = log.only(~is_held).matrix()
    recommended = _recommended(base.folder, log, [log.users[user] for user in question.users])
    for user, wanted, after in zip(question.users, question.relevant, lists, strict=True):
        fresh = [item for item in wanted if not known_to_base[user, item]]
        before = recommended.get(log.users[user])
        if fresh and before is not None:
            had = set(seen.indices[seen.indptr[user] : seen.indptr[user + 1]].tolist())
            before_lists.append([item for item in before if item not in had][:AT])
            after_lists.append(after)
            relevant.append(fresh)
    if not relevant:
        return _comparison(base, 0, 0.0, 0.0)
    before_score, after_score = (list_metrics(shown, relevant, 1)[METRIC] for shown in (before_lists, after_lists))
    return _comparison(base, len(relevant), before_score, after_score)


def _comparison(base: BaseModelSource, count: int, before: float, after: float) -> BaseModelComparison:
    return BaseModelComparison(
        model_id=base.manifest.model_id,
        metric=METRIC,
        example_count=count,
        accuracy_before=round(before, 6),
        accuracy_after=round(after, 6),
        has_fallen=after < before - _FALL,
    )


def _pairs_of(base: BaseModelSource, log: Interactions, reading: tuple[Wanted, float | None]) -> Matrix:
    """The base version's pairs, in the places of the whole log. Without its tables: none."""
    from scipy import sparse

    shape = (len(log.users), len(log.items))
    if base.source is None:
        return sparse.csr_matrix(shape, dtype=bool)
    old = read_drop(table_sources(base.source), *reading).log
    user, item = _places(old.users, log.users)[old.user], _places(old.items, log.items)[old.item]
    is_there = (user >= 0) & (item >= 0)
    return sparse.csr_matrix((np.ones(int(is_there.sum()), bool), (user[is_there], item[is_there])), shape=shape)


def _places(names: list[str], among: list[str]) -> np.ndarray:
    known = {name: place for place, name in enumerate(among)}
    return np.array([known.get(name, -1) for name in names], np.int64)


def _recommended(folder: Path, log: Interactions, users: list[str]) -> dict[str, list[int]]:
    """What the base model's table recommends to these users: items by their places in the log."""
    places, wanted = {name: place for place, name in enumerate(log.items)}, set(users)
    found = {}
    for user, text in _lines(folder / file_of("user_recommended"), lambda row: row["user_id"] in wanted):
        found[user] = [places[name] for name, _ in parse_ids(text) if name in places]
    return found


def _lines(file: Path, is_wanted: Callable[[dict[str, str]], bool]) -> list[tuple[str, str]]:
    if not file.exists():
        return []
    with file.open(encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines)
        return [(row["user_id"], row["item_ids"]) for row in rows if is_wanted(row)]
