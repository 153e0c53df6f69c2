"""A log of interactions in memory: who used what, how much, and when. 20 bytes a pair, names aside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int32]
Numbers = NDArray[np.float32]
Times = NDArray[np.float64]
Mask = NDArray[np.bool_]
Matrix = Any
"""scipy.sparse.csr_matrix (users U, items I), float32."""


@dataclass(frozen=True)
class Interactions:
    """Pairs (user, item), each once. `user` and `item` are places in `users` and `items`; `weight` is positive."""

    users: list[str]
    items: list[str]
    user: Codes
    item: Codes
    weight: Numbers
    time: Times | None
    """Seconds since 1970 or any other number that grows; None where the log has no times."""

    def __len__(self) -> int:
        return len(self.user)

    @cached_property
    def is_weighted(self) -> bool:
        """Whether the weights say anything."""
        return len(self) > 0 and float(np.ptp(self.weight)) > 0

    def only(self, mask: Mask) -> Interactions:
        """Some of the pairs; all users and items keep their places."""
        time = None if self.time is None else self.time[mask]
        return Interactions(self.users, self.items, self.user[mask], self.item[mask], self.weight[mask], time)

    def matrix(self, *, is_weighted: bool = False) -> Matrix:
        """Ones, or weights over their mean."""
        from scipy import sparse

        data = self.weight / self.weight.mean() if is_weighted else np.ones(len(self), np.float32)
        return sparse.csr_matrix((data.astype(np.float32), (self.user, self.item)), shape=(len(self.users), len(self.items)))


def gathered(users: list[str], items: list[str], user: Codes, item: Codes, weight: Numbers | None, time: Times | None) -> Interactions:
    """From rows as they came: of a pair's rows the last (by time, else by order) counts; without weights their number is the weight."""
    place = np.arange(len(user))
    order = np.lexsort((place, item, user) if time is None else (place, time, item, user))
    user, item = user[order], item[order]
    is_last = np.ones(len(user), bool)
    is_last[:-1] = (user[1:] != user[:-1]) | (item[1:] != item[:-1])
    ends = np.flatnonzero(is_last)
    kept = np.diff(ends, prepend=-1).astype(np.float32) if weight is None else np.maximum(weight[order][ends], np.float32(1e-6))
    return Interactions(users, items, user[ends], item[ends], kept, None if time is None else time[order][ends])


def recent_first(log: Interactions) -> NDArray[np.intp]:
    """Pairs ordered by user, within a user by time, weight and place, the latest and heaviest first."""
    place = np.arange(len(log))
    keys = (-place, -log.weight, log.user) if log.time is None else (-place, -log.weight, -log.time, log.user)
    return np.lexsort(keys)


def rank_within(group: Codes) -> NDArray[np.int64]:
    """0, 1, 2, ... within each run of equal values."""
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]]) if len(group) else np.zeros(0, np.intp)
    return np.arange(len(group)) - np.repeat(starts, np.diff(np.r_[starts, len(group)]))
