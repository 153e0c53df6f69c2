"""Metrics against naive versions; selection and calibration of mixtures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, log_loss, mean_absolute_error, r2_score, roc_auc_score

from droplearn.scenarios.tabular_prediction.columns.plan import Features
from droplearn.scenarios.tabular_prediction.members.expansion import Expansion
from droplearn.scenarios.tabular_prediction.metrics import classification_scores, regression_scores, roc_auc
from droplearn.scenarios.tabular_prediction.training.label_weights import fit_label_weights
from droplearn.scenarios.tabular_prediction.training.mixture import bounds
from droplearn.scenarios.tabular_prediction.training.problem import Problem
from droplearn.scenarios.tabular_prediction.training.selection import select


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_roc_auc_counts_pairs(rows):
    positives, negatives = [s for p, s in rows if p], [s for p, s in rows if not p]
    found = roc_auc(np.array([int(p) for p, _ in rows]), np.column_stack([[-s for _, s in rows], [s for _, s in rows]]).astype(float))
    if not positives or not negatives:
        assert found == 0.5
    else:
        assert found == pytest.approx(np.mean([(p > n) + 0.5 * (p == n) for p in positives for n in negatives]))


@pytest.mark.parametrize("labels", [2, 4])
def test_classification_scores_agree_with_scikit_learn(labels):
    generator = np.random.default_rng(labels)
    y = generator.integers(labels, size=300)
    probabilities = generator.dirichlet(np.ones(labels), size=300)
    predicted = probabilities.argmax(axis=1)
    found = classification_scores(y, probabilities, predicted)
    scores = probabilities[:, 1] if labels == 2 else probabilities
    assert found["roc_auc"] == pytest.approx(roc_auc_score(y, scores, multi_class="ovr"))
    assert found["log_loss"] == pytest.approx(log_loss(y, probabilities))
    assert found["accuracy"] == pytest.approx((y == predicted).mean())
    assert found["macro_f1"] == pytest.approx(f1_score(y, predicted, average="macro"))


def test_regression_scores_agree_with_scikit_learn():
    y, predicted = np.random.default_rng(0).normal(size=(2, 100))
    found = regression_scores(y, predicted)
    assert found == pytest.approx(
        {"rmse": np.sqrt(((y - predicted) ** 2).mean()), "mae": mean_absolute_error(y, predicted), "r2": r2_score(y, predicted)}
    )


def test_selection_mixes_models_whose_errors_cancel_and_leaves_out_a_bad_one():
    generator = np.random.default_rng(0)
    y, noise = generator.normal(size=500), generator.normal(size=500)
    given = {"high": (y + noise)[:, None], "low": (y - noise)[:, None], "bad": generator.normal(size=(500, 1))}
    weights = select(given, Problem(y, 0, "rmse"), np.arange(500))
    assert weights.get("bad", 0.0) < 0.05
    assert weights["high"] == pytest.approx(0.5, abs=0.1)


def test_label_weights_raise_macro_f1_of_a_rare_label():
    generator = np.random.default_rng(0)
    y = (generator.random(2000) < 0.1).astype(int)
    rare = 1 / (1 + np.exp(-(generator.normal(size=2000) + 2 * y - 2.5)))
    probabilities = np.column_stack([1 - rare, rare])
    weights = fit_label_weights(y, probabilities)
    before = classification_scores(y, probabilities, probabilities.argmax(axis=1))["macro_f1"]
    after = classification_scores(y, probabilities, (probabilities * np.array(weights)).argmax(axis=1))["macro_f1"]
    assert after > before + 0.05


def test_answers_of_a_regression_stay_near_what_was_seen():
    assert bounds(np.array([0.0, 5.0, 10.0])) == (0.0, 11.0)
    assert bounds(np.array([-5.0, 5.0] * 10)) == (-5.0, 5.0)


def test_expanded_numbers_are_shares_of_their_quantiles_and_missing_ones_are_marked():
    features = Features(np.array([[0.0], [1.0], [2.0], [np.nan]]), np.array([[2], [3], [2], [0]], dtype=np.int32))
    expansion = Expansion.of(features, 2)
    rows = expansion.expand(Features(np.array([[0.5], [5.0], [np.nan]]), np.array([[3], [9], [0]], dtype=np.int32)))
    assert rows.tolist() == [[0.5, 0, 0, 0, 0, 0, 1], [1, 1, 0, 0, 1, 0, 0], [0, 0, 1, 1, 0, 0, 0]]
