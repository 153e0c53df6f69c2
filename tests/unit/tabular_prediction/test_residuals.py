"""What a report tells of a regression beside its metrics."""

from __future__ import annotations

import json

import numpy as np
import pytest

from droplearn.scenarios.tabular_prediction.metrics import regression_scores
from droplearn.scenarios.tabular_prediction.residuals import regression_intervals, residual_details


def answers(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = random.normal(100, 20, count)
    return y, y + random.normal(2, 5, count)


def test_the_histogram_counts_every_row_and_the_sample_is_small():
    y, predicted = answers(5000)
    told = residual_details(y, predicted)
    assert sum(told["residual_histogram"]["counts"]) == 5000
    assert len(told["residual_histogram"]["edges"]) == len(told["residual_histogram"]["counts"]) + 1
    assert len(told["predicted_and_actual"]) == 500
    assert told["mean_residual"] == pytest.approx(2, abs=0.3)
    assert len(json.dumps(told)) < 20_000


def test_perfect_answers_have_one_bin():
    y = np.arange(5.0)
    assert residual_details(y, y)["residual_histogram"]["counts"] == [5]


def test_intervals_contain_the_figure_and_shrink_with_more_rows():
    widths = []
    for count in (20, 2000):
        y, predicted = answers(count)
        found = regression_intervals(y, predicted)
        for name, value in regression_scores(y, predicted).items():
            assert found[name][0] <= value <= found[name][1]
        widths.append(np.ptp(found["rmse"]))
    assert widths[1] < widths[0] / 4


def test_one_row_gives_intervals_of_no_width():
    assert regression_intervals(np.array([1.0]), np.array([2.0])) == {"rmse": (1.0, 1.0), "mae": (1.0, 1.0), "r2": (0.0, 0.0)}
