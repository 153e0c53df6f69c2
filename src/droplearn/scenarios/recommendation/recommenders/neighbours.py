"""Item-item models that keep the K best neighbours of each item: RP3beta and shrunk cosine. Co-occurrences are counted for a block of
items at a time, so that a dense item-item matrix never exists, however many items there are.

Sources: Paudel et al. 2016, RP3beta (three-step random walk, divided by popularity^beta); Bell and Koren 2007 (shrinkage).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from droplearn.scenarios.recommendation.interactions import Matrix, Numbers

BLOCK_PAIRS = 20_000_000
"""Co-occurrences counted at once: at most 240 MB."""
MAX_PAIRS = 3_000_000_000
"""Of users with very long histories only a sample is counted, so that there are no more co-occurrences than this in all."""

Weigh = Callable[[Numbers, Numbers, Numbers], Numbers]
"""(co-occurrence, popularity of the row's item, popularity of the column's items) -> weights."""


class Neighbours:
    """`weights` (I, I) sparse: from an item of the history (row) to what it recommends (column)."""

    def __init__(self, weights: Matrix) -> None:
        self.weights = weights

    def scores(self, history: Matrix) -> Numbers:
        """Sums over the history."""
        found: Numbers = (history @ self.weights).toarray()
        return found


class Variant(NamedTuple):
    """A way to weigh co-occurrences. `keeps_sources`: the K best sources of each recommended item, not the K best recommendations."""

    name: str
    weigh: Weigh
    keeps_sources: bool = False


def rp3beta(beta: float) -> Variant:
    """Of co-occurrences that are divided by the length of the user's history (`walk_lengths`)."""
    return Variant(f"beta {beta:g}", lambda pairs, own, others: pairs / own / others**beta)


def shrunk_cosine(shrinkage: float) -> Variant:
    """The matrix is symmetric, so that a column's best sources are a row's best neighbours, mirrored."""
    return Variant(f"shrinkage {shrinkage:g}", lambda pairs, own, others: pairs / (np.sqrt(own * others) + shrinkage), keeps_sources=True)


def fit_neighbours(
    matrix: Matrix, variants: Sequence[Variant], keep: int, check: Callable[[], None], *, divides_by_length: bool
) -> list[Neighbours]:
    """All variants from one count of the co-occurrences."""
    from scipy import sparse

    popularity = np.maximum(np.asarray(matrix.getnnz(axis=0), np.float32), 1)
    rows: list[list[Any]] = [[] for _ in variants]
    for first, block in co_occurrences(matrix, check, divides_by_length=divides_by_length):
        for variant, kept in zip(variants, rows, strict=True):
            kept.append(best_of_rows(block, first, popularity, variant.weigh, keep))
    found = []
    for variant, kept in zip(variants, rows, strict=True):
        weights = sparse.vstack(kept, format="csr") if kept else sparse.csr_matrix((matrix.shape[1],) * 2, dtype=np.float32)
        found.append(Neighbours(weights.T.tocsr() if variant.keeps_sources else weights))
    return found


def co_occurrences(matrix: Matrix, check: Callable[[], None], *, divides_by_length: bool) -> Iterator[tuple[int, Matrix]]:
    """(first item, rows of X'WX without its diagonal), W being 1 or one over the length of the user's history."""
    from scipy import sparse

    short = bounded(matrix)
    lengths = np.maximum(np.asarray(short.getnnz(axis=1), np.float64), 1)
    right = sparse.diags((1 / lengths).astype(np.float32)) @ short if divides_by_length else short
    transposed, right = short.T.tocsr(), right.tocsr()
    costs = np.cumsum(transposed.astype(bool) @ lengths)
    items, first = transposed.shape[0], 0
    while first < items:
        check()
        spent = costs[first - 1] if first else 0.0
        after = max(first + 1, int(np.searchsorted(costs, spent + BLOCK_PAIRS)))
        block = (transposed[first:after] @ right).tocsr()
        block.setdiag(0, k=first)
        block.eliminate_zeros()
        yield first, block
        first = after


def best_of_rows(block: Matrix, first: int, popularity: Numbers, weigh: Weigh, keep: int) -> Matrix:
    """The `keep` largest weights of each row."""
    from scipy import sparse

    kept_columns, kept_values, ends = [np.zeros(0, np.int32)], [np.zeros(0, np.float32)], [0]
    for row in range(block.shape[0]):
        span = slice(block.indptr[row], block.indptr[row + 1])
        columns = block.indices[span]
        values = weigh(block.data[span], popularity[first + row], popularity[columns])
        if len(values) > keep:
            best = np.argpartition(-values, keep - 1)[:keep]
            columns, values = columns[best], values[best]
        kept_columns.append(columns)
        kept_values.append(values.astype(np.float32))
        ends.append(ends[-1] + len(columns))
    return sparse.csr_matrix((np.concatenate(kept_values), np.concatenate(kept_columns), ends), shape=block.shape)


def bounded(matrix: Matrix) -> Matrix:
    """Of the longest histories a sample (always the same), so that the squares of their lengths sum up to at most MAX_PAIRS."""
    from scipy import sparse

    lengths = np.asarray(matrix.getnnz(axis=1), np.int64)
    if int((lengths**2).sum()) <= MAX_PAIRS:
        return matrix
    cap = longest_history(lengths)
    chance = np.random.default_rng(0).random(matrix.nnz)
    user = np.repeat(np.arange(matrix.shape[0]), lengths)
    order = np.lexsort((chance, user))
    rank = np.empty(matrix.nnz, np.int64)
    rank[order] = np.arange(matrix.nnz) - np.repeat(matrix.indptr[:-1], lengths)
    kept = rank < cap
    return sparse.csr_matrix((matrix.data[kept], (user[kept], matrix.indices[kept])), shape=matrix.shape)


def longest_history(lengths: Any) -> int:
    """The largest cap that keeps the sum of squares within MAX_PAIRS."""
    low, high = 1, int(lengths.max())
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if int((np.minimum(lengths, middle) ** 2).sum()) <= MAX_PAIRS else (low, middle - 1)
    return low
