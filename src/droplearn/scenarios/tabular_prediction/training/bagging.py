"""Trains one member: a model a fold, several folds at once on several cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import numpy as np
from threadpoolctl import threadpool_limits

from droplearn.scenarios.learning.arrays import Integers
from droplearn.scenarios.learning.threads import core_count
from droplearn.scenarios.tabular_prediction.members.model import Kind
from droplearn.scenarios.tabular_prediction.training.fitting import Abandoned, Fit, Fitted, FoldData, Recipe
from droplearn.scenarios.tabular_prediction.training.library import Member
from droplearn.scenarios.tabular_prediction.training.rows import LearningRows

Fold = tuple[Integers, Integers]
"""Kept and held-out rows."""
MAX_CELLS_AT_ONCE = 40_000_000
"""Of features; larger tables are fitted fold after fold, each with all cores."""


def train_member(
    recipe: Recipe,
    rows: LearningRows,
    folds: Sequence[Fold],
    seed: int,
    time_limit_s: float,
    must_end: Callable[[], bool],
    pace_s: float = 0.0,
) -> Member:
    """The whole member takes about `time_limit_s` at most. pace_s: see FoldData. Raises Abandoned."""
    started = monotonic()
    fit = fit_of(recipe.kind)
    cores = core_count()
    cells = len(rows) * (rows.features.numbers.shape[1] + rows.features.codes.shape[1])
    workers = 1 if cells > MAX_CELLS_AT_ONCE else min(cores, len(folds))
    rounds = -(-len(folds) // workers)

    def fit_fold(place: int) -> Fitted:
        if must_end():
            raise Abandoned
        left = time_limit_s - (monotonic() - started)
        kept, held_out = folds[place]
        share = max(1.0, left / (rounds - place // workers))
        threads = max(1, cores // workers)
        return fit(recipe, FoldData(rows.features, rows.problem, rows.plan, kept, held_out, seed + place, threads, share, must_end, pace_s))

    # numpy's own threads beside those of the folds made small products twenty times as dear.
    with threadpool_limits(max(1, cores // workers), user_api="blas"), ThreadPoolExecutor(workers) as pool:
        fitted = list(pool.map(fit_fold, range(len(folds))))
    predictions = np.full((len(rows), rows.problem.width), np.nan)
    for (_, held_out), found in zip(folds, fitted, strict=True):
        predictions[held_out] = found.predictions
    held = [held_out for _, held_out in folds]
    models = [found.model for found in fitted]
    return Member(recipe.name, recipe.kind, models, held, predictions, monotonic() - started, fitted[0].rounds)


def fit_of(kind: Kind) -> Fit:
    """Imported on use: torch costs seconds."""
    if kind == "catboost":
        from droplearn.scenarios.tabular_prediction.training.fit_catboost import fit_catboost

        return fit_catboost
    if kind == "lightgbm":
        from droplearn.scenarios.tabular_prediction.training.fit_lightgbm import fit_lightgbm

        return fit_lightgbm
    if kind == "linear":
        from droplearn.scenarios.tabular_prediction.training.fit_linear import fit_linear

        return fit_linear
    from droplearn.scenarios.tabular_prediction.training.fit_network import fit_network

    return fit_network
