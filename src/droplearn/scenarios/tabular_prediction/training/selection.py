"""Which members mix best: greedy selection on predictions for rows that the models had not seen.

Source: Caruana et al., "Ensemble Selection from Libraries of Models", 2004 (selection with replacement, on bags of rows). With few rows the
choice follows their noise, so the weights are drawn towards equal shares of the best members. Measured: README.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.tabular_prediction.training.problem import Problem

ROUNDS = 25
MAX_ROWS = 20_000
"""Rows that mixtures are compared on; more add nothing."""
BAGS, BAGGED_BELOW = 8, 5_000
BEST, ROWS_OF_TRUST = 5, 1_000
"""Equal shares of the BEST members count as much as the selection where there are ROWS_OF_TRUST rows; less with more rows."""
NEARLY = 0.9

Predictions = Mapping[str, Floats]


def select(predictions: Predictions, problem: Problem, rows: Integers, seed: int = 0) -> dict[str, float]:
    """Weights that sum to 1. predictions: by name, (N, K or 1); rows: those that all have predictions for."""
    generator = np.random.default_rng(seed)
    if len(rows) > MAX_ROWS:
        rows = np.sort(generator.permutation(rows)[:MAX_ROWS])
    best = _best(predictions, problem, rows)
    trust = len(rows) / (len(rows) + ROWS_OF_TRUST)
    weights = dict.fromkeys(best, (1 - trust) / len(best))
    for name, weight in _bagged(predictions, problem, rows, generator).items():
        weights[name] = weights.get(name, 0.0) + trust * weight
    return weights


def _best(predictions: Predictions, problem: Problem, rows: Integers) -> list[str]:
    """At most BEST, each nearly as far from a constant answer as the first."""
    losses = {name: problem.loss(values[rows], rows) for name, values in predictions.items()}
    ordered = sorted(losses, key=losses.__getitem__)[:BEST]
    constant = problem.loss(np.tile(problem.constant_answer(), (len(rows), 1)), rows)
    gained = (constant - losses[ordered[0]]) * NEARLY
    return [name for name in ordered if constant - losses[name] >= gained] or ordered[:1]


def _bagged(predictions: Predictions, problem: Problem, rows: Integers, generator: np.random.Generator) -> dict[str, float]:
    if len(rows) >= BAGGED_BELOW or len(predictions) == 1:
        return greedy(predictions, problem, rows)
    weights = dict.fromkeys(predictions, 0.0)
    for _ in range(BAGS):
        bag = np.sort(generator.permutation(rows)[: max(2, len(rows) // 2)])
        for name, weight in greedy(predictions, problem, bag).items():
            weights[name] += weight / BAGS
    return weights


def greedy(predictions: Predictions, problem: Problem, rows: Integers) -> dict[str, float]:
    """One member after the other, the same one again where that is best; cut where the mixture was best."""
    given = {name: values[rows] for name, values in predictions.items()}
    picked: list[str] = []
    total: Floats = np.zeros((len(rows), problem.width))
    losses: list[float] = []
    for count in range(1, ROUNDS + 1):
        tried = {name: problem.loss((total + values) / count, rows) for name, values in given.items()}
        best = min(tried, key=tried.__getitem__)
        picked.append(best)
        losses.append(tried[best])
        total = total + given[best]
    kept = picked[: int(np.argmin(losses)) + 1]
    return {name: kept.count(name) / len(kept) for name in dict.fromkeys(kept)}
