"""Metrics against naive versions, word for word from their definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from droplearn.scenarios.learning import metrics


@st.composite
def predictions(draw):
    labels, count = draw(st.integers(2, 7)), draw(st.integers(1, 40))
    y = draw(st.lists(st.integers(0, labels - 1), min_size=count, max_size=count))
    raw = draw(st.lists(st.lists(st.integers(0, 9), min_size=labels, max_size=labels), min_size=count, max_size=count))
    rows = np.array(raw, float) + 0.01
    return np.array(y), rows / rows.sum(axis=1, keepdims=True)


def f1_of(y, predicted, label):
    true = sum(p == label == t for t, p in zip(y, predicted, strict=True))
    false = sum(p == label != t for t, p in zip(y, predicted, strict=True))
    missed = sum(t == label != p for t, p in zip(y, predicted, strict=True))
    precision = true / (true + false) if true + false else 0.0
    recall = true / (true + missed) if true + missed else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@given(predictions())
def test_metrics_equal_their_naive_versions(case):
    y, probabilities = case
    predicted = [max(range(len(row)), key=lambda i: (row[i], -i)) for row in probabilities]
    found = metrics.classification_metrics(y, probabilities)
    assert found["top1_accuracy"] == pytest.approx(sum(t == p for t, p in zip(y, predicted, strict=True)) / len(y))
    best5 = [sorted(range(len(row)), key=lambda i: (-row[i], i))[:5] for row in probabilities]
    assert found["top5_accuracy"] == pytest.approx(sum(t in best for t, best in zip(y, best5, strict=True)) / len(y))
    assert found["log_loss"] == pytest.approx(-sum(math.log(row[t]) for t, row in zip(y, probabilities, strict=True)) / len(y))
    scores = [f1_of(y, predicted, label) for label in sorted(set(y.tolist()))]
    for place, name in enumerate(("macro_precision", "macro_recall", "macro_f1")):
        assert found[name] == pytest.approx(sum(s[place] for s in scores) / len(scores))


@given(predictions())
def test_calibration_error_equals_its_naive_version(case):
    y, probabilities = case
    total = 0.0
    for b in range(15):
        inside = [i for i, row in enumerate(probabilities) if b / 15 < max(row) <= (b + 1) / 15]
        if inside:
            confidence = sum(max(probabilities[i]) for i in inside) / len(inside)
            accuracy = sum(int(np.argmax(probabilities[i])) == y[i] for i in inside) / len(inside)
            total += len(inside) / len(y) * abs(confidence - accuracy)
    bins = metrics.calibration_bins(y, probabilities)
    assert sum(b.count for b in bins) == len(y)
    assert metrics.expected_calibration_error(bins) == pytest.approx(total, abs=1e-9)


@given(predictions())
def test_confusion_matrix_counts_every_example_once(case):
    y, probabilities = case
    confusion = metrics.confusion_matrix(y, probabilities.argmax(axis=1), probabilities.shape[1])
    assert confusion.sum() == len(y)
    assert confusion.sum(axis=1).tolist() == np.bincount(y, minlength=probabilities.shape[1]).tolist()


def test_labels_that_do_not_occur_are_left_out_of_macro_averages():
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])
    assert metrics.classification_metrics(np.array([0, 1]), probabilities)["macro_f1"] == 1.0
