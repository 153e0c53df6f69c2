"""Fits CatBoost on one fold."""

from __future__ import annotations

from time import monotonic
from typing import Any

import catboost
import numpy as np

from droplearn.scenarios.tabular_prediction.members.catboost_model import CatBoostModel, pool
from droplearn.scenarios.tabular_prediction.training.fitting import Abandoned, Fitted, FoldData, Recipe
from droplearn.scenarios.tabular_prediction.training.problem import Problem

ITERATIONS, LEAST_ITERATIONS, PATIENCE = 1000, 60, 60


class _Clock:
    """Called after every tree: False ends the training."""

    def __init__(self, data: FoldData) -> None:
        self._data, self._end = data, monotonic() + data.time_limit_s
        self.is_abandoned = False

    def after_iteration(self, _info: Any) -> bool:
        """As CatBoost wants it."""
        self.is_abandoned = self._data.must_end()
        return not self.is_abandoned and monotonic() < self._end


def fit_catboost(recipe: Recipe, data: FoldData) -> Fitted:
    """As Fit."""
    kept, held_out = data.features.take(data.kept), data.features.take(data.held_out)
    clock = _Clock(data)
    settings: dict[str, Any] = {
        "iterations": ITERATIONS,
        "od_type": "Iter",
        "od_wait": PATIENCE,
        "loss_function": _loss(data.problem),
        "random_seed": data.seed,
        "thread_count": data.threads,
        "allow_writing_files": False,
        "allow_const_label": True,
        "logging_level": "Silent",
    }
    settings |= dict(recipe.parameters)
    cost = 2.0 ** (settings.get("depth", 6) - 6)
    settings["iterations"] = int(np.clip(data.affordable_rounds(cost), LEAST_ITERATIONS, settings["iterations"]))
    settings.setdefault("learning_rate", _learning_rate(settings["iterations"], len(kept)))
    model = catboost.CatBoost(settings)
    model.fit(pool(kept, data.problem.y[data.kept]), eval_set=pool(held_out, data.problem.y[data.held_out]), callbacks=[clock])
    if clock.is_abandoned:
        raise Abandoned
    trained = CatBoostModel(model, data.problem.label_count)
    return Fitted(trained, trained.predict(held_out).astype(np.float64), int(model.tree_count_))


def _learning_rate(iterations: int, rows: int) -> float:
    """So that about as many iterations as planned are of use."""
    return float(np.clip(150 / iterations * (rows / 10_000) ** 0.2, 0.02, 0.2))


def _loss(problem: Problem) -> str:
    if not problem.is_classification:
        return "MAE" if problem.metric == "mae" else "RMSE"
    return "Logloss" if problem.label_count == 2 else "MultiClass"
