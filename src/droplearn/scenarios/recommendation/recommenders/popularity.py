"""The same list for everybody: what most users have. Hard to beat where people buy the same things again and again."""

from __future__ import annotations

import numpy as np

from droplearn.scenarios.recommendation.interactions import Matrix, Numbers


class Popularity:
    """Scores in (0, 1]."""

    def __init__(self, popularity: Numbers) -> None:
        self._scores = (popularity / max(float(popularity.max(initial=0)), 1.0)).astype(np.float32)

    def scores(self, history: Matrix) -> Numbers:
        """The same row for each user."""
        return np.tile(self._scores, (history.shape[0], 1))


def popularity_of(matrix: Matrix) -> Numbers:
    """Users per item (I,)."""
    return np.asarray(matrix.getnnz(axis=0), dtype=np.float32)
