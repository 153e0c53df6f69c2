"""What a report tells of a regression beside its metrics: how far off the answers are, and where. y, predicted: (N,), N of at least 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.learning.intervals import RESAMPLES, interval

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_BINS = 30
_SHOWN_POINTS = 500
_RESAMPLED_NUMBERS = 20_000_000


def residual_details(y: Floats, predicted: Floats) -> dict[str, Any]:
    """`residual_quantiles`, `mean_residual`, `residual_histogram` (what lies beyond the outer quantiles in its outer bins), and a sample:
    `predicted_and_actual`.
    """
    residuals = predicted - y
    values = np.quantile(residuals, QUANTILES)
    inside = residuals.clip(values[0], values[-1])
    counts, edges = np.histogram(inside, bins=_BINS if values[-1] > values[0] else 1)
    kept = np.random.default_rng(0).permutation(len(y))[:_SHOWN_POINTS]
    return {
        "residual_quantiles": {f"{q:g}": _short(value) for q, value in zip(QUANTILES, values, strict=True)},
        "mean_residual": _short(residuals.mean()),
        "residual_histogram": {"edges": [_short(edge) for edge in edges], "counts": counts.tolist()},
        "predicted_and_actual": [[_short(predicted[i]), _short(y[i])] for i in sorted(kept.tolist())],
    }


def regression_intervals(y: Floats, predicted: Floats, seed: int = 0) -> dict[str, tuple[float, float]]:
    """95 %, percentile method, of `rmse`, `mae` and `r2`, by resampling rows. Source: Efron and Tibshirani 1993, chapter 13."""
    generator, count = np.random.default_rng(seed), len(y)
    found: dict[str, list[float]] = {"rmse": [], "mae": [], "r2": []}
    for _ in range(max(100, min(RESAMPLES, _RESAMPLED_NUMBERS // count))):
        drawn = generator.integers(0, count, count)
        errors, truth = predicted[drawn] - y[drawn], y[drawn]
        squares, spread = float((errors**2).sum()), float(((truth - truth.mean()) ** 2).sum())
        found["rmse"].append((squares / count) ** 0.5)
        found["mae"].append(float(np.abs(errors).mean()))
        found["r2"].append(1 - squares / spread if spread else 0.0)
    return {name: interval(np.array(values)) for name, values in found.items()}


def _short(value: float) -> float:
    return float(f"{value:.6g}")
