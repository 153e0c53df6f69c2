"""Metrics of ranked lists with binary relevance.

Source: Jaervelin and Kekaelaeinen 2002, nDCG; the ideal list holds min(10, number of relevant items).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

AT = 10
_DISCOUNT = 1 / np.log2(np.arange(AT) + 2)


class ListScores(NamedTuple):
    """One value a user."""

    ndcg: NDArray[np.float64]
    recall: NDArray[np.float64]
    precision: NDArray[np.float64]


def score_lists(recommended: Sequence[Sequence[object]], relevant: Sequence[Sequence[object]]) -> ListScores:
    """`recommended`: best first, the first ten count; a shorter list misses. `relevant`: at least one each."""
    scores = np.zeros((3, len(recommended)))
    for row, (shown, wanted) in enumerate(zip(recommended, relevant, strict=True)):
        known = set(wanted)
        hits = np.array([item in known for item in shown[:AT]], dtype=np.float64)
        ideal = _DISCOUNT[: min(AT, len(known))].sum()
        scores[:, row] = (hits @ _DISCOUNT[: len(hits)]) / ideal, hits.sum() / len(known), hits.sum() / AT
    return ListScores(*scores)


def list_metrics(recommended: Sequence[Sequence[object]], relevant: Sequence[Sequence[object]], item_count: int) -> dict[str, float]:
    """Means over the users; `coverage`: the share of all items that somebody is recommended."""
    scores = score_lists(recommended, relevant)
    shown = {item for one in recommended for item in one[:AT]}
    return {
        "ndcg_at_10": float(scores.ndcg.mean()),
        "recall_at_10": float(scores.recall.mean()),
        "precision_at_10": float(scores.precision.mean()),
        "coverage": len(shown) / max(1, item_count),
    }
