"""Which members are tried, in which order: what gained most for its time first. Measured on the tables that README.md names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from droplearn.contracts.training import HyperParameters
from droplearn.scenarios.tabular_prediction.members.model import Kind
from droplearn.scenarios.tabular_prediction.training.fitting import Recipe
from droplearn.scenarios.tabular_prediction.training.problem import Problem

FLOOR = Recipe("floor", "catboost", {"iterations": 300, "learning_rate": 0.1, "max_ctr_complexity": 1, "one_hot_max_size": 20})
MIN_RICH, ALWAYS_RICH = 2_000, 50_000
"""Rows, see `is_rich`."""

MANY_LABELS = 10

_Named = tuple[tuple[str, Kind, dict[str, Any]], ...]
_ONE_HOT = {"one_hot_max_size": 20, "learning_rate": 0.03, "random_strength": 2}
_SLOW = {"learning_rate": 0.03, "bagging_fraction": 0.8, "bagging_freq": 1, "feature_fraction": 0.6}
_NOISY: _Named = (
    ("linear", "linear", {}),
    ("catboost_one_hot", "catboost", _ONE_HOT | {"depth": 5}),
    ("lightgbm_random", "lightgbm", {"learning_rate": 0.05, "extra_trees": True, "feature_fraction": 0.7, "lambda_l2": 1}),
    ("catboost_shallow", "catboost", _ONE_HOT | {"depth": 4}),
    ("network", "network", {}),
    ("catboost_6", "catboost", _ONE_HOT | {"depth": 6}),
    ("lightgbm_small", "lightgbm", _SLOW | {"num_leaves": 8, "lambda_l2": 5, "cat_smooth": 20, "cat_l2": 20}),
    ("catboost_categories", "catboost", {"max_ctr_complexity": 1, "learning_rate": 0.05}),
    ("catboost_few_columns", "catboost", _ONE_HOT | {"depth": 5, "rsm": 0.4}),
    ("lightgbm_large", "lightgbm", _SLOW | {"num_leaves": 96, "min_data_in_leaf": 10, "lambda_l2": 1}),
    ("catboost_combinations", "catboost", {"learning_rate": 0.05}),
)
_RICH: _Named = (
    ("lightgbm", "lightgbm", {"learning_rate": 0.1, "feature_fraction": 0.8}),
    ("catboost", "catboost", {"iterations": 3000, "one_hot_max_size": 10, "max_ctr_complexity": 2}),
    ("lightgbm_large", "lightgbm", _SLOW | {"num_leaves": 96, "min_data_in_leaf": 10, "lambda_l2": 1}),
    ("linear", "linear", {}),
    ("network", "network", {}),
    ("catboost_deep", "catboost", {"iterations": 3000, "depth": 8, "max_ctr_complexity": 1}),
    ("catboost_one_hot", "catboost", {"iterations": 3000, "depth": 5, "one_hot_max_size": 50}),
    ("lightgbm_random", "lightgbm", {"learning_rate": 0.1, "extra_trees": True, "num_leaves": 96, "lambda_l2": 1}),
    ("lightgbm_small", "lightgbm", _SLOW | {"num_leaves": 16, "lambda_l2": 5}),
    ("network_2", "network", {"bins": 48, "learning_rate": 1e-3, "dropout": 0.0}),
)


def portfolio(problem: Problem, wishes: HyperParameters, *, is_rich: bool) -> Iterator[Recipe]:
    """All that are worth trying."""
    for name, kind, parameters in _RICH if is_rich else _NOISY:
        wished = {"learning_rate": wishes.learning_rate} if wishes.learning_rate is not None and kind in ("catboost", "lightgbm") else {}
        yield Recipe(name, kind, adapted(kind, parameters, problem) | wished)


def is_rich(row_count: int, floor_rounds: int) -> bool:
    """Whether there is more to learn than the floor learnt: it gained to its last round, or had only a part of the rows. Else the table is
    noisy, and models are held back more.
    """
    return row_count >= ALWAYS_RICH or (row_count >= MIN_RICH and floor_rounds >= 0.9 * FLOOR.parameters["iterations"])


def floor(problem: Problem) -> Recipe:
    """The model that is saved at once."""
    return Recipe(FLOOR.name, FLOOR.kind, adapted(FLOOR.kind, FLOOR.parameters, problem))


def adapted(kind: Kind, parameters: Mapping[str, Any], problem: Problem) -> dict[str, Any]:
    """With many labels every round costs as many trees, and a leaf may hold few rows."""
    if problem.label_count <= MANY_LABELS or kind not in ("catboost", "lightgbm"):
        return dict(parameters)
    if kind == "lightgbm":
        leaf = int(min(20, max(2, len(problem.y) / problem.label_count / 4)))
        return dict(parameters) | {"learning_rate": 0.1, "min_data_in_leaf": leaf}
    iterations = int(parameters.get("iterations", 1000)) * MANY_LABELS // problem.label_count
    return dict(parameters) | {"iterations": max(iterations, 60), "learning_rate": 0.15}
