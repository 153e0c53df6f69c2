"""Logistic regression, its cross-validation and its temperature."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from droplearn.scenarios.learning.arrays import softmax
from droplearn.scenarios.learning.calibration import fit_temperature, scaled_log_loss
from droplearn.scenarios.learning.folds import make_folds
from droplearn.scenarios.learning.lbfgs import minimise
from droplearn.scenarios.learning.logistic_regression import Standardised, balanced_weights, cross_validate, fit_rows


def blobs(count, labels, width, spread=1.0, seed=0):
    random = np.random.default_rng(seed)
    y = np.arange(count) % labels
    centres = random.normal(size=(labels, width))
    return (centres[y] + spread * random.normal(size=(count, width))).astype(np.float32), y


@pytest.mark.parametrize(("count", "width"), [(40, 100), (300, 10)])
def test_head_equals_scikit_learns_solution(count, width):
    from sklearn.linear_model import LogisticRegression

    features, y = blobs(count, 4, width, spread=2.0)
    data = Standardised.of(features)
    ours = data.head(fit_rows(data.rows, y, 4, 0.01, lambda: None)).logits(features)
    deviation = features.std(axis=0)
    rows = (features - features.mean(axis=0)) / (deviation + np.median(deviation))
    theirs = LogisticRegression(C=0.01, class_weight="balanced", tol=1e-8, max_iter=2000).fit(rows, y)
    assert np.abs(softmax(ours) - theirs.predict_proba(rows)).max() < 1e-3


def test_cross_validation_separates_blobs_and_stops_at_a_good_strength():
    features, y = blobs(60, 3, 30, spread=0.3)
    folds = make_folds(y, [str(i) for i in range(60)], 0)
    found = cross_validate(Standardised.of(features), y, 3, folds, lambda: None)
    assert (found.logits.argmax(axis=1) == y).mean() == 1.0
    assert found.log_loss < 0.1


def test_a_stop_interrupts_cross_validation():
    features, y = blobs(40, 2, 5)

    def stop():
        raise TimeoutError

    with pytest.raises(TimeoutError):
        cross_validate(Standardised.of(features), y, 2, make_folds(y, [str(i) for i in range(40)], 0), stop)


def test_constant_features_do_no_harm():
    features, y = blobs(30, 2, 5)
    features[:, 2] = 7.0
    data = Standardised.of(features)
    assert np.isfinite(data.head(fit_rows(data.rows, y, 2, 1.0, lambda: None)).logits(features)).all()


def test_every_label_weighs_the_same():
    y = np.array([0] * 90 + [1] * 10)
    weights = balanced_weights(y, 2)
    assert weights[y == 0].sum() == pytest.approx(weights[y == 1].sum())
    assert weights.mean() == pytest.approx(1.0)


@given(st.lists(st.integers(0, 3), min_size=4, max_size=60), st.integers(0, 5))
def test_folds_keep_copies_together_and_hold_out_every_example_once(labels, seed):
    y = np.array(labels)
    contents = [f"{label}-{i // 2}" for i, label in enumerate(labels)]
    if len(set(contents)) < 2:
        return
    folds = make_folds(y, contents, seed)
    held_out = np.concatenate([out for _, out in folds])
    assert sorted(held_out.tolist()) == list(range(len(y)))
    for kept, out in folds:
        assert not {contents[i] for i in kept} & {contents[i] for i in out}


def test_folds_spread_each_label_evenly():
    y = np.array([0] * 50 + [1] * 23)
    folds = make_folds(y, [str(i) for i in range(73)], 1, count=5)
    for label in (0, 1):
        sizes = Counter(folds.assigned[y == label].tolist()).values()
        assert max(sizes) - min(sizes) <= 1


def test_temperature_undoes_overconfidence():
    random = np.random.default_rng(0)
    logits = random.normal(size=(4000, 3))
    y = np.array([random.choice(3, p=p) for p in softmax(logits)])
    assert fit_temperature(logits * 4, y) == pytest.approx(4.0, rel=0.1)


def test_temperature_of_a_few_examples_that_are_all_right_does_not_claim_certainty():
    logits = np.eye(3)[[0, 1, 2, 0]] * 2.0
    probabilities = softmax(logits / fit_temperature(logits, np.array([0, 1, 2, 0])))
    assert 0.7 < probabilities.max() < 0.95


def test_scaled_log_loss_is_the_mean_surprise():
    assert scaled_log_loss(np.zeros((2, 4)), np.array([0, 3]), 1.0) == pytest.approx(np.log(4))


def test_lbfgs_finds_the_bottom_of_a_long_valley():
    scale = np.array([1.0, 100.0, 0.01])
    found = minimise(lambda x: (float((scale * (x - 3) ** 2).sum()), 2 * scale * (x - 3)), np.zeros(3), tolerance=1e-9)
    assert found == pytest.approx([3.0, 3.0, 3.0], abs=1e-4)
