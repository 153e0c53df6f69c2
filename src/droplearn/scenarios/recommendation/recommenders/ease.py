"""EASE: a linear item-item model in closed form. It needs a dense matrix of items by items, so that it looks at the most popular
MAX_ITEMS items only; the others get no score.

Source: Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data", equation 8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from droplearn.scenarios.recommendation.interactions import Matrix, Numbers

MAX_ITEMS = 12_000
"""A matrix of 12,000 x 12,000 float32 has 576 MB; two are held. Its inverse takes a minute on one core."""
_GRAM_ROWS = 1024


class Ease:
    """`weights` (n, n) between the items at `places`."""

    def __init__(self, places: Any, weights: Numbers) -> None:
        self._places, self._weights = places, weights

    def scores(self, history: Matrix) -> Numbers:
        """0 for items beyond `places`."""
        scores = np.zeros(history.shape, np.float32)
        scores[:, self._places] = history[:, self._places] @ self._weights
        return scores


class EaseFitter:
    """Counts once, fits for several regularisations."""

    def __init__(self, matrix: Matrix, popularity: Numbers, check: Callable[[], None]) -> None:
        usable = np.flatnonzero(popularity >= 2)
        most = usable[np.argsort(-popularity[usable], kind="stable")[:MAX_ITEMS]]
        self.places = np.sort(most)
        self._gram = gram(matrix[:, self.places].tocsr(), check)

    def fit(self, regularisation: float) -> Ease:
        """B = I - P diag(1 / diag P) with P = (X'X + regularisation I)^-1."""
        from scipy.linalg import lapack

        inverse = np.array(self._gram, dtype=np.float32, order="F")
        inverse[np.diag_indices_from(inverse)] += regularisation
        inverse, bad = lapack.spotrf(inverse, lower=1, overwrite_a=1)
        if not bad:
            inverse, bad = lapack.spotri(inverse, lower=1, overwrite_c=1)
        if bad:
            raise ValueError(f"the matrix of items is not positive definite (regularisation {regularisation})")
        mirror_lower(inverse)
        inverse /= -np.diag(inverse).copy()
        np.fill_diagonal(inverse, 0)
        return Ease(self.places, inverse)


def gram(matrix: Matrix, check: Callable[[], None]) -> Numbers:
    """X'X (n, n), a block of rows at a time."""
    n = matrix.shape[1]
    transposed, found = matrix.T.tocsr(), np.zeros((n, n), np.float32, order="F")
    for first in range(0, n, _GRAM_ROWS):
        check()
        found[:, first : first + _GRAM_ROWS] = (transposed[first : first + _GRAM_ROWS] @ matrix).toarray().T
    return found


def mirror_lower(square: Numbers) -> None:
    """Copies the lower triangle to the upper one, in place, without a second matrix."""
    for first in range(0, len(square), _GRAM_ROWS):
        block = slice(first, first + _GRAM_ROWS)
        square[first : first + _GRAM_ROWS, first + _GRAM_ROWS :] = square[first + _GRAM_ROWS :, block].T
        corner = square[block, block]
        corner[:] = np.tril(corner) + np.tril(corner, -1).T
