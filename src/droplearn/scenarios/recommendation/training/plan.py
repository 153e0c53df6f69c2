"""Which candidates are tried, in which order: cheap ones first, then each family's usual setting, then its neighbours."""

from __future__ import annotations

from collections.abc import Sequence

from droplearn.scenarios.recommendation.training.ground import Setting

CHEAP = [
    [Setting("popularity")],
    [Setting("cosine", (v,)) for v in (0, 5, 10, 30, 100)],
    [Setting("rp3beta", (v,)) for v in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)],
]
USUAL = [[Setting("ease", (250,))], [Setting("ials", (64, 30, 4))]]
FINE = {
    "high_performance": [
        [Setting("ease", (100,))],
        [Setting("ease", (600,))],
        [Setting("ials", (32, 10, 1))],
        [Setting("ials", (64, 60, 4))],
    ],
    "high_accuracy": [
        [Setting("ease", (100,))],
        [Setting("ease", (600,))],
        [Setting("ease", (1500,))],
        [Setting("ials", (32, 10, 1))],
        [Setting("ials", (64, 60, 4))],
        [Setting("ials", (128, 60, 4))],
        [Setting("ials", (128, 100, 10))],
        [Setting("ials", (32, 30, 4))],
    ],
}
DEPTH = {"high_performance": 100, "high_accuracy": 200}
"""Neighbours of each item, and recommendations of each user, in the tables."""
_STEP = 1.6


def refinements(best: Setting, tried: Sequence[Setting], *, has_weights: bool) -> list[list[Setting]]:
    """Once everything else is known: the best one with weights, and EASE's regularisation a little smaller and larger."""
    found = []
    if has_weights and best.family in ("ease", "ials", "rp3beta", "cosine") and not best.is_weighted:
        found.append(best._replace(is_weighted=True))
    if best.family == "ease":
        found += [best._replace(values=(round(best.values[0] * factor),)) for factor in (_STEP, 1 / _STEP)]
    return [[setting] for setting in found if setting not in tried]
