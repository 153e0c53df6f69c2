"""Folds for cross-validation: every label spread evenly, copies of one content never on both sides. And samples of examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from droplearn.scenarios.learning.arrays import Integers


class Folds:
    """`assigned`: (N,) the fold of each example. Iterating gives (kept, held out) index arrays, one pair a fold."""

    def __init__(self, assigned: Integers) -> None:
        self.assigned = assigned
        self.count = int(assigned.max()) + 1

    def __iter__(self) -> Iterator[tuple[Integers, Integers]]:
        for fold in range(self.count):
            held_out = self.assigned == fold
            yield np.flatnonzero(~held_out), np.flatnonzero(held_out)


def make_folds(y: Integers, contents: Sequence[str], seed: int, count: int | None = None) -> Folds:
    """contents: one name of the bytes per example (etag). Without `count`: 5, or 10 below 200 examples; never more than there are
    contents.
    """
    first = {content: index for index, content in reversed(list(enumerate(contents)))}
    heads = np.array(sorted(first.values()))
    wanted = count or (10 if len(contents) < 200 else 5)
    wanted = max(2, min(wanted, len(heads)))
    order = np.random.default_rng(seed).permutation(heads)
    order = order[np.argsort(y[order], kind="stable")]
    fold_of = {contents[index]: place % wanted for place, index in enumerate(order)}
    return Folds(np.array([fold_of[content] for content in contents]))


def sample_by_label(known: Integers, y: Integers, count: int, seed: int) -> Integers:
    """About `count` of the indices `known`, every label kept in proportion and with at least ten."""
    if len(known) <= count:
        return known
    order = np.random.default_rng(seed).permutation(known)
    share = count / len(known)
    kept = [own[: max(10, round(len(own) * share))] for label in np.unique(y[known]) if len(own := order[y[order] == label])]
    return np.sort(np.concatenate(kept))
