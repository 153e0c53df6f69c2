"""Rows of few tokens as arrays. Axes: N rows, V tokens of the vocabulary, K outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from droplearn.scenarios.learning.arrays import Floats, Integers


@dataclass(frozen=True)
class SparseRows:
    """Entry e is `values[e]` in row `rows[e]` and column `columns[e]`. `shape`: (N, V)."""

    rows: Integers
    columns: Integers
    values: NDArray[np.float64]
    shape: tuple[int, int]

    def times(self, weight: Floats) -> Floats:
        """(V, K) to (N, K)."""
        sums = [np.bincount(self.rows, column[self.columns] * self.values, self.shape[0]) for column in np.ascontiguousarray(weight.T)]
        return np.stack(sums, axis=1)

    def only(self, places: Integers, width: int) -> SparseRows:
        """With the columns that have a place (others: -1), put there."""
        wanted = places[self.columns]
        kept = wanted >= 0
        return SparseRows(self.rows[kept], wanted[kept], self.values[kept], (self.shape[0], width))


def sparse_rows(lines: Sequence[Mapping[str, float]], vocabulary: Mapping[str, int]) -> SparseRows:
    """One row a line; unknown tokens are left out."""
    entries = [(i, vocabulary[token], value) for i, line in enumerate(lines) for token, value in line.items() if token in vocabulary]
    rows, columns, values = zip(*entries, strict=True) if entries else ((), (), ())
    return SparseRows(np.array(rows, np.int64), np.array(columns, np.int64), np.array(values, np.float64), (len(lines), len(vocabulary)))


def stack_rows(parts: Sequence[SparseRows], width: int) -> SparseRows:
    """One above the other."""
    starts = np.cumsum([0, *(part.shape[0] for part in parts)])
    rows = np.concatenate([part.rows + start for part, start in zip(parts, starts, strict=False)])
    return SparseRows(rows, np.concatenate([p.columns for p in parts]), np.concatenate([p.values for p in parts]), (int(starts[-1]), width))


@dataclass
class TokenTable:
    """Numbers for tokens, in order of first occurrence, so that texts are looked up once however often a model is fitted."""

    numbers: dict[str, int] = field(default_factory=dict)

    def encode(self, lines: Sequence[Mapping[str, float]]) -> SparseRows:
        """New tokens get new numbers."""
        for line in lines:
            for token in line:
                self.numbers.setdefault(token, len(self.numbers))
        return sparse_rows(lines, self.numbers)

    def shared(self, pages: Sequence[SparseRows], groups: Sequence[int], least: int = 2) -> Integers:
        """(tokens,) the place of each that occurs in enough documents, else -1: one in a single document says nothing about another."""
        width = len(self.numbers)
        own = [np.unique(page.columns) + group * width for page, group in zip(pages, groups, strict=True)]
        counts = np.bincount(np.unique(np.concatenate(own)) % width, minlength=width)
        kept = counts >= min(least, len(set(groups)))
        return np.where(kept, np.cumsum(kept) - 1, -1)

    def vocabulary(self, places: Integers) -> dict[str, int]:
        """By name, of the tokens that have a place."""
        return {token: int(places[number]) for token, number in self.numbers.items() if places[number] >= 0}
