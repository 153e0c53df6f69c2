"""How much each column matters: how much worse held-out rows are predicted when the column's cells are shuffled among them.

Source: Breiman, "Random Forests", 2001, section 10.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np

from droplearn.scenarios.learning.arrays import Integers
from droplearn.scenarios.tabular_prediction.columns.plan import Features
from droplearn.scenarios.tabular_prediction.members.model import Model
from droplearn.scenarios.tabular_prediction.training.mixture import Mixture
from droplearn.scenarios.tabular_prediction.training.rows import LearningRows

MAX_ROWS = 1000


@dataclass(frozen=True)
class Importance:
    """`rises`: column to rise of the loss, the largest first; `left_out`: columns for which there was no time."""

    loss: str
    rises: dict[str, float]
    left_out: int
    row_count: int

    def to_dict(self) -> dict[str, Any]:
        """For the report's details."""
        return {"method": f"rise of {self.loss} when the column is shuffled", "rows": self.row_count, "columns": self.rises} | (
            {"columns_left_out": self.left_out} if self.left_out else {}
        )


def permutation_importance(
    mixture: Mixture, rows: LearningRows, limit_s: float, seed: int, must_end: Callable[[], bool]
) -> Importance | None:
    """By the models of the first fold, on its held-out rows (AutoGluon has none and is left out). None where there is no time at all."""
    end = monotonic() + limit_s
    parts = [(m.models[0], w) for m, w in zip(mixture.members, mixture.weights, strict=True) if m.folds]
    if not parts or must_end():
        return None
    held_out = next(m.folds[0] for m in mixture.members if m.folds)
    generator = np.random.default_rng(seed)
    chosen = np.sort(generator.permutation(held_out)[:MAX_ROWS])
    features = rows.features.take(chosen)
    start = _loss(parts, features, rows, chosen)
    rises: dict[str, float] = {}
    for name, numbers, codes in rows.plan.places():
        if monotonic() > end or must_end():
            break
        order = generator.permutation(len(chosen))
        shuffled = Features(features.numbers.copy(), features.codes.copy())
        shuffled.numbers[:, list(numbers)] = features.numbers[order][:, list(numbers)]
        shuffled.codes[:, list(codes)] = features.codes[order][:, list(codes)]
        rises[name] = round(_loss(parts, shuffled, rows, chosen) - start, 6)
    if not rises:
        return None
    ordered = dict(sorted(rises.items(), key=lambda pair: -pair[1]))
    return Importance("log_loss" if rows.problem.is_classification else "rmse", ordered, len(rows.plan.used) - len(rises), len(chosen))


def _loss(parts: Sequence[tuple[Model, float]], features: Features, rows: LearningRows, chosen: Integers) -> float:
    total = sum(weight for _, weight in parts)
    mixed: Any = sum(model.predict(features) * (weight / total) for model, weight in parts)
    scores = rows.problem.scores(mixed, chosen)
    return float(scores["log_loss"] if rows.problem.is_classification else scores["rmse"])
