"""Confidence intervals of a recommender's metrics, by bootstrap over the users."""

from __future__ import annotations

import numpy as np

from droplearn.scenarios.learning.intervals import RESAMPLES, share_interval
from droplearn.scenarios.recommendation.metrics import ListScores

_MOST_NUMBERS = 20_000_000
_LEAST_RESAMPLES = 100


def user_intervals(scores: ListScores, seed: int = 0) -> dict[str, tuple[float, float]]:
    """95 %, percentile method, of `ndcg_at_10`, `recall_at_10`, `precision_at_10`. Not of `coverage`: a resample has fewer users.

    Source: Efron and Tibshirani 1993, chapter 13.
    """
    values = np.stack(scores)  # (3, U)
    users, generator = values.shape[1], np.random.default_rng(seed)
    resamples = max(_LEAST_RESAMPLES, min(RESAMPLES, _MOST_NUMBERS // max(1, users)))
    means = np.stack([values[:, generator.integers(0, users, users)].mean(axis=1) for _ in range(resamples)])  # (R, 3)
    return {name: share_interval(means[:, place], users) for place, name in enumerate(("ndcg_at_10", "recall_at_10", "precision_at_10"))}
