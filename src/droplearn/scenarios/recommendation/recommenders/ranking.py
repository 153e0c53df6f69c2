"""From a recommender to ranked lists, block by block of users: the scores of all users are never in memory at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from droplearn.scenarios.recommendation.interactions import Matrix, Numbers

BLOCK_SCORES = 8_000_000
"""Scores in memory at once: 32 MB."""
NEVER = np.float32(-1e30)


class Recommender(Protocol):
    """A fitted model."""

    def scores(self, history: Matrix) -> Numbers:
        """(B, I) float32 from histories (B, I). Where it knows nothing of an item: 0 or less."""
        ...


class Ranked(NamedTuple):
    """`items` (B, N) int64, best first, and their `scores` (B, N); `first`: the row of the first user."""

    first: int
    items: NDArray[np.int64]
    scores: Numbers


def rank_items(
    recommender: Recommender,
    history: Matrix,
    popularity: Numbers,
    count: int,
    *,
    excludes_history: bool = True,
    check: Callable[[], None] = lambda: None,
) -> Iterator[Ranked]:
    """The best `count` items of each user. Where the model is at a loss (equal scores), the more popular item comes first."""
    users, items = history.shape
    count = min(count, items)
    tie_break = (popularity / max(float(popularity.max(initial=0)), 1.0) * 1e-7).astype(np.float32)
    block = max(1, BLOCK_SCORES // max(1, items))
    for first in range(0, users, block):
        check()
        rows = history[first : first + block]
        scores = np.array(recommender.scores(rows), dtype=np.float32)
        scores += tie_break
        if excludes_history:
            scores[rows.nonzero()] = NEVER
        best = np.argpartition(-scores, count - 1, axis=1)[:, :count]
        values = np.take_along_axis(scores, best, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        yield Ranked(first, np.take_along_axis(best, order, axis=1), np.take_along_axis(values, order, axis=1))
