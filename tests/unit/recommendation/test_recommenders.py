"""Each model against a naive version of its formula."""

from __future__ import annotations

import numpy as np
import pytest

from droplearn.scenarios.recommendation.recommenders import ease, neighbours
from droplearn.scenarios.recommendation.recommenders.ease import EaseFitter
from droplearn.scenarios.recommendation.recommenders.ials import Ials, IalsSetting, fit_ials, solve_side
from droplearn.scenarios.recommendation.recommenders.neighbours import fit_neighbours, rp3beta, shrunk_cosine
from droplearn.scenarios.recommendation.recommenders.popularity import Popularity, popularity_of
from droplearn.scenarios.recommendation.recommenders.ranking import rank_items
from droplearn.scenarios.recommendation.splitting import held_out
from tests.unit.recommendation.logs import random_log


def no_check() -> None:
    return None


MATRIX = random_log().matrix()
DENSE = MATRIX.toarray().astype(np.float64)
POPULARITY = popularity_of(MATRIX)


def test_ease_is_its_closed_form():
    found = EaseFitter(MATRIX, POPULARITY, no_check).fit(7.0).scores(MATRIX)
    inverse = np.linalg.inv(DENSE.T @ DENSE + 7 * np.eye(DENSE.shape[1]))
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    assert np.allclose(found, DENSE @ weights, atol=1e-4)


def test_ease_leaves_rare_items_out_and_keeps_to_its_size(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ease, "MAX_ITEMS", 5)
    monkeypatch.setattr(ease, "_GRAM_ROWS", 2)
    fitter = EaseFitter(MATRIX, POPULARITY, no_check)
    most = np.sort(np.argsort(-POPULARITY, kind="stable")[:5])
    assert fitter.places.tolist() == most.tolist()
    scores = fitter.fit(3.0).scores(MATRIX)
    part = DENSE[:, most]
    inverse = np.linalg.inv(part.T @ part + 3 * np.eye(5))
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    assert np.allclose(scores[:, most], part @ weights, atol=1e-4)
    assert not np.delete(scores, most, axis=1).any()


def naive_rp3beta(dense: np.ndarray, beta: float) -> np.ndarray:
    users, items = dense / dense.sum(1, keepdims=True), dense.T / dense.sum(0)[:, None]
    weights = items @ users / dense.sum(0)[None] ** beta
    np.fill_diagonal(weights, 0)
    return weights


def naive_cosine(dense: np.ndarray, shrinkage: float) -> np.ndarray:
    pairs, norms = dense.T @ dense, np.sqrt(dense.sum(0))
    weights = pairs / (norms[:, None] * norms[None] + shrinkage)
    np.fill_diagonal(weights, 0)
    return weights


@pytest.mark.parametrize("block_pairs", [1, 400, 10_000_000])
def test_neighbours_counted_in_blocks_are_those_of_the_dense_formula(monkeypatch: pytest.MonkeyPatch, block_pairs: int):
    monkeypatch.setattr(neighbours, "BLOCK_PAIRS", block_pairs)
    walk, other = fit_neighbours(MATRIX, [rp3beta(0.4), rp3beta(0.9)], 100, no_check, divides_by_length=True)
    assert np.allclose(walk.weights.toarray(), naive_rp3beta(DENSE, 0.4), atol=1e-6)
    assert np.allclose(other.weights.toarray(), naive_rp3beta(DENSE, 0.9), atol=1e-6)
    (cosine,) = fit_neighbours(MATRIX, [shrunk_cosine(5)], 100, no_check, divides_by_length=False)
    assert np.allclose(cosine.weights.toarray(), naive_cosine(DENSE, 5), atol=1e-6)
    assert np.allclose(cosine.scores(MATRIX), DENSE @ naive_cosine(DENSE, 5), atol=1e-4)


def test_only_the_best_neighbours_are_kept():
    (found,) = fit_neighbours(MATRIX, [rp3beta(0.5)], 3, no_check, divides_by_length=True)
    full = naive_rp3beta(DENSE, 0.5)
    for row in range(len(full)):
        kept = np.sort(found.weights[row].toarray().ravel())[::-1][:3]
        assert np.allclose(kept, np.sort(full[row])[::-1][:3], atol=1e-6)
        assert found.weights[row].nnz <= 3


def test_very_long_histories_are_counted_by_a_sample(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(neighbours, "MAX_PAIRS", 500)
    short = neighbours.bounded(MATRIX)
    lengths = short.getnnz(axis=1)
    assert (lengths**2).sum() <= 500
    assert lengths.max() < MATRIX.getnnz(axis=1).max()
    assert not (short > MATRIX).nnz, "nothing that was not there"
    assert (neighbours.bounded(MATRIX) != short).nnz == 0, "always the same"


def test_ials_lowers_its_own_loss_and_solves_users_exactly():
    setting = IalsSetting(6, 2.0, 3.0)
    model = fit_ials(MATRIX, setting, 0, no_check)
    users = solve_side(MATRIX, model.item_factors, setting, no_check)
    items = model.item_factors.astype(np.float64)
    for row in range(4):
        confidence = np.diag(1 + 3 * DENSE[row])
        exact = np.linalg.solve(items.T @ confidence @ items + 2 * np.eye(6), items.T @ confidence @ (DENSE[row] > 0))
        assert np.allclose(users[row], exact, atol=1e-3)

    def loss(factors: np.ndarray) -> float:
        own = solve_side(MATRIX, factors, setting, no_check)
        return float(((1 + 3 * DENSE) * ((DENSE > 0) - own @ factors.T) ** 2).sum() + 2 * ((own**2).sum() + (factors**2).sum()))

    start = (np.random.default_rng(0).standard_normal(model.item_factors.shape) * 0.1).astype(np.float32)
    assert loss(model.item_factors) < 0.8 * loss(start)
    assert np.allclose(Ials(model.item_factors, setting).scores(MATRIX), users @ model.item_factors.T, atol=1e-5)


def test_lists_hold_the_best_new_items_best_first_and_popularity_breaks_ties():
    blocks = list(rank_items(Popularity(POPULARITY), MATRIX, POPULARITY, 4))
    lists = np.concatenate([block.items for block in blocks])
    for user in range(len(DENSE)):
        new = [item for item in np.argsort(-POPULARITY, kind="stable") if not DENSE[user, item]]
        assert POPULARITY[lists[user]].tolist() == POPULARITY[new[:4]].tolist()

    class Nothing:
        def scores(self, history):
            return np.zeros(history.shape, np.float32)

    (block,) = rank_items(Nothing(), MATRIX, POPULARITY, 4, excludes_history=False)
    assert POPULARITY[block.items[0]].tolist() == np.sort(POPULARITY)[::-1][:4].tolist()


@pytest.mark.parametrize("has_times", [True, False])
def test_a_share_of_each_users_items_is_held_out_the_latest_where_there_are_times(has_times: bool):
    log = random_log(has_times=has_times)
    mask = held_out(log, 0.3, 1)
    counts, held = np.bincount(log.user, minlength=30), np.bincount(log.user[mask], minlength=30)
    for user in range(30):
        assert held[user] == (0 if counts[user] < 2 else min(max(1, round(counts[user] * 0.3)), counts[user] - 1))
        if has_times and held[user] > 0:
            own = log.user == user
            assert log.time[own & mask].min() >= log.time[own & ~mask].max()
    assert (held_out(log, 0.3, 1) == mask).all()
    assert has_times or (held_out(log, 0.3, 2) != mask).any()
