"""Metrics against the definition written out."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_coverage_counts_what_anybody_is_shown():
    found = list_metrics([[1, 2], [2, 3]], [[1], [9]], 10)
    assert found["coverage"] == 0.3
    assert found["ndcg_at_10"] == pytest.approx(0.5)
