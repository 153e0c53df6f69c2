"""Fits logistic or ridge regression on one fold; the strength of the penalty is chosen on the held-out rows."""

from __future__ import annotations

from time import monotonic

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers, log_softmax
from droplearn.scenarios.learning.lbfgs import minimise
from droplearn.scenarios.tabular_prediction.members.expansion import Expansion
from droplearn.scenarios.tabular_prediction.members.linear_model import LinearModel
from droplearn.scenarios.tabular_prediction.training.fitting import Abandoned, Fitted, FoldData, Recipe

BINS, MAX_ROWS, MAX_CELLS = 8, 100_000, 60_000_000
PENALTIES = (100.0, 30.0, 10.0, 3.0, 1.0, 0.3)
"""Of half the squared weights against the sum of the rows' losses."""


def fit_linear(recipe: Recipe, data: FoldData) -> Fitted:
    """As Fit."""
    end = monotonic() + data.time_limit_s
    kept = data.kept
    expansion = Expansion.of(data.features.take(kept), int(recipe.parameters.get("bins", BINS)))
    width = expansion.edges.size + int(expansion.sizes.sum())
    most = min(MAX_ROWS, max(1000, MAX_CELLS // max(width, 1)))
    if len(kept) > most:
        kept = np.sort(np.random.default_rng(data.seed).permutation(kept)[:most])
    rows = expansion.expand(data.features.take(kept)).astype(np.float64)
    y = data.problem.y[kept]
    held_out = data.features.take(data.held_out)
    best: Fitted | None = None
    best_loss, start = np.inf, None
    for penalty in PENALTIES:
        if data.must_end():
            raise Abandoned
        if data.problem.is_classification:
            start = _logistic(rows, y, data.problem.label_count, penalty, start)
            found = start
        else:
            found = _ridge(rows, y.astype(np.float64), penalty)
        model = LinearModel({"weight": found[:-1], "bias": found[-1], **expansion.arrays()}, data.problem.label_count)
        predictions = model.predict(held_out)
        loss = data.problem.loss(predictions, data.held_out)
        if loss < best_loss:
            best, best_loss = Fitted(model, predictions), loss
        if loss > best_loss or monotonic() > end:
            break
    if best is None:
        raise Abandoned
    return best


def _logistic(rows: Floats, y: Integers | Floats, label_count: int, penalty: float, start: Floats | None) -> Floats:
    """(F + 1, K), the bias last and free of penalty."""
    count, width = rows.shape
    targets = np.zeros((count, label_count))
    targets[np.arange(count), y.astype(np.int64)] = 1

    def objective(flat: Floats) -> tuple[float, Floats]:
        parameters = flat.reshape(width + 1, label_count)
        logs = log_softmax(rows @ parameters[:-1] + parameters[-1])
        errors = (np.exp(logs) - targets) / count
        held_back = parameters[:-1] * (penalty / count)
        gradient = np.concatenate([rows.T @ errors + held_back, errors.sum(axis=0)[None]])
        value = -float((logs * targets).sum()) / count + 0.5 * float((held_back * parameters[:-1]).sum())
        return value, gradient.ravel()

    begin = np.zeros((width + 1) * label_count) if start is None else start.ravel()
    return minimise(objective, begin, max_iterations=150, tolerance=1e-5).reshape(width + 1, label_count)


def _ridge(rows: Floats, y: Floats, penalty: float) -> Floats:
    """(F + 1, 1)."""
    mean, middle = rows.mean(axis=0), float(y.mean())
    centred = rows - mean
    normal = centred.T @ centred + penalty * np.eye(rows.shape[1])
    weight = np.linalg.solve(normal, centred.T @ (y - middle))
    return np.append(weight, middle - mean @ weight)[:, None]
