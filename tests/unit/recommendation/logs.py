"""Small made logs."""

from __future__ import annotations

import numpy as np

from droplearn.scenarios.recommendation.interactions import Interactions, gathered


def random_log(users: int = 30, items: int = 20, rows: int = 200, seed: int = 0, *, has_times: bool = True) -> Interactions:
    random = np.random.default_rng(seed)
    return gathered(
        [f"u{n}" for n in range(users)],
        [f"i{n}" for n in range(items)],
        random.integers(0, users, rows).astype(np.int32),
        random.integers(0, items, rows).astype(np.int32),
        random.integers(1, 6, rows).astype(np.float32),
        random.random(rows) if has_times else None,
    )
