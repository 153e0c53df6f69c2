"""What is held out of a log: a share of each user's interactions, the latest where times are known."""

from __future__ import annotations

import numpy as np

from droplearn.scenarios.recommendation.interactions import Interactions, Mask, rank_within


def held_out(log: Interactions, fraction: float, seed: int) -> Mask:
    """True for the pairs that are held out: of each user with two or more, at least one and never all."""
    chance = np.random.default_rng(seed).random(len(log))
    keys = (chance, log.user) if log.time is None else (chance, -log.time, log.user)
    order = np.lexsort(keys)
    counts = np.bincount(log.user, minlength=len(log.users))
    wanted = np.clip(np.round(counts * fraction), 1, np.maximum(counts - 1, 0)).astype(np.int64)
    mask = np.zeros(len(log), bool)
    mask[order] = rank_within(log.user[order]) < wanted[log.user[order]]
    return mask
