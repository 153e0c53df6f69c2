"""Fits LightGBM on one fold."""

from __future__ import annotations

from time import monotonic
from typing import Any

import lightgbm
import numpy as np

from droplearn.scenarios.tabular_prediction.members.lightgbm_model import LightGbmModel, matrix
from droplearn.scenarios.tabular_prediction.training.fitting import Abandoned, Fitted, FoldData, Recipe

ROUNDS, PATIENCE = 3000, 80
ROUNDS_TIMES_RATE, FASTEST, LEAVES_OF_PACE = 20, 0.2, 48
"""A model is done after about 20 / learning rate rounds; a round with 48 leaves takes what one of the floor's does."""


def fit_lightgbm(recipe: Recipe, data: FoldData) -> Fitted:
    """As Fit."""
    kept, held_out = data.features.take(data.kept), data.features.take(data.held_out)
    numbers, codes = data.features.numbers.shape[1], data.features.codes.shape[1]
    places = list(range(numbers, numbers + codes))
    told = {"objective": _objective(data), "seed": data.seed, "num_threads": data.threads, "verbose": -1, "deterministic": True}
    told |= {"force_row_wise": True, "num_class": data.problem.label_count if data.problem.label_count > 2 else 1}
    given = dict(recipe.parameters)
    rounds, patience = given.pop("rounds", ROUNDS), given.pop("patience", PATIENCE)
    leaves = given.get("num_leaves", 31)
    slowest = ROUNDS_TIMES_RATE / max(data.affordable_rounds(leaves / LEAVES_OF_PACE), 1)
    given["learning_rate"] = float(np.clip(slowest, given["learning_rate"], max(given["learning_rate"], FASTEST)))
    train = lightgbm.Dataset(matrix(kept), data.problem.y[data.kept], categorical_feature=places, params=told, free_raw_data=True)
    valid = train.create_valid(matrix(held_out), data.problem.y[data.held_out])
    clock = _clock(data)
    callbacks = [clock, lightgbm.early_stopping(patience, verbose=False)]
    trained = lightgbm.train(told | given, train, rounds, valid_sets=[valid], callbacks=callbacks)
    if data.must_end():
        raise Abandoned
    text = trained.model_to_string(num_iteration=trained.best_iteration or -1)
    model = LightGbmModel(lightgbm.Booster(model_str=text), data.problem.label_count)
    return Fitted(model, model.predict(held_out).astype(np.float64), int(trained.best_iteration or trained.current_iteration()))


def _clock(data: FoldData) -> Any:
    end = monotonic() + data.time_limit_s

    def after_iteration(env: Any) -> None:
        if monotonic() > end or data.must_end():
            raise lightgbm.callback.EarlyStopException(env.iteration, env.evaluation_result_list)

    return after_iteration


def _objective(data: FoldData) -> str:
    if not data.problem.is_classification:
        return "regression_l1" if data.problem.metric == "mae" else "regression"
    return "binary" if data.problem.label_count == 2 else "multiclass"
