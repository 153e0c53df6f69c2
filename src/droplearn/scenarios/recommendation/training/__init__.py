"""Training: candidates by validation, a refit on everything, tables. `train(context)` is all that the harness calls."""

from __future__ import annotations

from droplearn.scenarios.recommendation.training.recipe import train

__all__ = ["train"]
