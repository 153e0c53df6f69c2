"""What fitting one model on one fold is given and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.tabular_prediction.columns.plan import Features, Plan
from droplearn.scenarios.tabular_prediction.members.model import Kind, Model
from droplearn.scenarios.tabular_prediction.training.problem import Problem


@dataclass(frozen=True)
class Recipe:
    """A member to be: its kind and hyper-parameters."""

    name: str
    kind: Kind
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FoldData:
    """kept, held_out: row numbers of `features` and of the problem."""

    features: Features
    problem: Problem
    plan: Plan
    kept: Integers
    held_out: Integers
    seed: int
    threads: int
    time_limit_s: float
    """The model takes what it has by then."""
    must_end: Callable[[], bool]
    """The whole training must end now: what is fitted is thrown away."""
    pace_s: float = 0.0
    """What a round of the floor took (CatBoost, depth 6) on one thread and as many rows; 0 where that is not known."""

    def affordable_rounds(self, cost: float) -> float:
        """Rounds that fit into the time limit, when one costs so many of the floor's."""
        return self.time_limit_s / (self.pace_s * cost / self.threads) if self.pace_s else float("inf")


@dataclass(frozen=True)
class Fitted:
    """predictions: (len(held_out), K or 1)."""

    model: Model
    predictions: Floats
    rounds: int = 0


class Fit(Protocol):
    """Trains one model. Raises Abandoned."""

    def __call__(self, recipe: Recipe, data: FoldData) -> Fitted:
        """On the kept rows; the held-out rows say when to stop."""
        ...


class Abandoned(Exception):
    """Training must end; the model is not finished."""
