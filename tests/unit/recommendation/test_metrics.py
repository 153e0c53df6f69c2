"""Metrics against the definition written out."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from droplearn.scenarios.recommendation.intervals import user_intervals
from droplearn.scenarios.recommendation.metrics import list_metrics, score_lists

LISTS = st.lists(st.integers(0, 30), unique=True, max_size=15)


@given(LISTS, st.lists(st.integers(0, 30), unique=True, min_size=1, max_size=15))
def test_metrics_are_those_of_the_definition(shown: list[int], wanted: list[int]):
    gains = [1 / math.log2(place + 2) for place, item in enumerate(shown[:10]) if item in wanted]
    ideal = sum(1 / math.log2(place + 2) for place in range(min(10, len(wanted))))
    scores = score_lists([shown], [wanted])
    assert scores.ndcg[0] == pytest.approx(sum(gains) / ideal)
    assert scores.recall[0] == pytest.approx(len(gains) / len(wanted))
    assert scores.precision[0] == pytest.approx(len(gains) / 10)


def test_an_interval_holds_its_figure_and_shrinks_with_the_number_of_users():
    lists = [([1, 2], [1]), ([3, 4], [9])]
    widths = []
    for times in (2, 200):
        shown, wanted = zip(*lists * times, strict=True)
        low, high = user_intervals(score_lists(shown, wanted))["ndcg_at_10"]
        assert low <= 0.5 <= high
        widths.append(high - low)
    assert widths[0] > 5 * widths[1]


def test_three_users_say_nothing_and_one_hardly_more():
    assert user_intervals(score_lists([[1], [1], [9]], [[1], [2], [3]]))["recall_at_10"] == (0.0, 1.0)
    assert user_intervals(score_lists([[1]], [[1]]))["recall_at_10"] == (0.025, 1.0)


def test_coverage_counts_what_anybody_is_shown():
    found = list_metrics([[1, 2], [2, 3]], [[1], [9]], 10)
    assert found["coverage"] == 0.3
    assert found["ndcg_at_10"] == pytest.approx(0.5)
