"""Implicit alternating least squares. Users are folded in from their histories, so that a new history needs no new training.

Source: Hu, Koren and Volinsky 2008, "Collaborative Filtering for Implicit Feedback Datasets", equations 4 and 5; confidence 1 + alpha w.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from droplearn.scenarios.recommendation.interactions import Matrix, Numbers

SWEEPS = 12
_CHECK_EVERY = 2_000


class IalsSetting(NamedTuple):
    """`alpha`: weight of what was seen against what was not."""

    factors: int
    regularisation: float
    alpha: float

    @property
    def name(self) -> str:
        """For the manifest."""
        return f"{self.factors} factors, regularisation {self.regularisation:g}, alpha {self.alpha:g}"


class Ials:
    """`item_factors` (I, F)."""

    def __init__(self, item_factors: Numbers, setting: IalsSetting, check: Callable[[], None] = lambda: None) -> None:
        self.item_factors, self._setting, self._check = item_factors, setting, check

    def scores(self, history: Matrix) -> Numbers:
        """Solves for the users, then multiplies."""
        found: Numbers = solve_side(history.tocsr(), self.item_factors, self._setting, self._check) @ self.item_factors.T
        return found


def fit_ials(matrix: Matrix, setting: IalsSetting, seed: int, check: Callable[[], None]) -> Ials:
    """`check` is called often; what it raises leaves."""
    items = matrix.shape[1]
    item_factors = (np.random.default_rng(seed).standard_normal((items, setting.factors)) * 0.1).astype(np.float32)
    by_user, by_item = matrix.tocsr(), matrix.T.tocsr()
    for _ in range(SWEEPS):
        user_factors = solve_side(by_user, item_factors, setting, check)
        item_factors = solve_side(by_item, user_factors, setting, check)
    return Ials(item_factors, setting)


def solve_side(rows: Matrix, other: Numbers, setting: IalsSetting, check: Callable[[], None]) -> Numbers:
    """Factors (B, F) of the rows, given those of the columns."""
    base = other.T @ other + setting.regularisation * np.eye(setting.factors, dtype=np.float32)
    found = np.zeros((rows.shape[0], setting.factors), np.float32)
    for row in range(rows.shape[0]):
        if row % _CHECK_EVERY == 0:
            check()
        span = slice(rows.indptr[row], rows.indptr[row + 1])
        if span.start == span.stop:
            continue
        known, confidence = other[rows.indices[span]], setting.alpha * rows.data[span]
        found[row] = np.linalg.solve(base + (known.T * confidence) @ known, known.T @ (1 + confidence))
    return found
