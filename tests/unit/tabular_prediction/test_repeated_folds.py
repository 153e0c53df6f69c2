"""A small table's members are fitted again on another division into folds once nothing else gains."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from droplearn.contracts.dataset import VersionExample
from droplearn.scenarios.tabular_prediction.sample import write_sample
from droplearn.scenarios.tabular_prediction.training import portfolio, recipe, session
from droplearn.scenarios.tabular_prediction.training.library import Member
from tests.unit.learning.fakes import FakeStore, context_of


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_sample(tmp_path, seed=1, rows=120)
    file = next(tmp_path.glob("*.csv"))
    monkeypatch.setattr(portfolio, "_NOISY", (("linear", "linear", {}),))
    example = VersionExample(path=file.name, etag="e", size_bytes=file.stat().st_size, split="train")
    return context_of([example], tmp_path)


def models_of(store: FakeStore) -> list[str]:
    pipeline = next(f for f in store.saved[-1][0].files if f.name == "pipeline.json")
    return [file for member in json.loads(pipeline.content)["members"] for file in member["files"]]


def test_members_of_a_small_table_are_fitted_on_two_divisions_into_folds(context) -> None:
    recipe.train(context)
    assert context.store.saved[-1][0].stop_reason == "converged"
    assert len(models_of(context.store)) == 16  # 8 folds, twice
    assert any("16 models" in c.reason for c in context.store.saved[-1][0].candidates)


def test_a_restart_does_not_fit_them_a_third_time(context) -> None:
    recipe.train(context)
    again = replace(context, store=FakeStore())
    recipe.train(again)
    assert len(models_of(again.store)) == 16


def test_nothing_is_repeated_for_a_large_table_or_without_time(context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "REPEATED_UP_TO", 50)
    recipe.train(context)
    assert len(models_of(context.store)) == 8


def test_predictions_of_a_joined_member_are_the_mean_of_both_divisions() -> None:
    rows = np.arange(4)
    one = Member("m", "linear", ["a", "b"], [rows[:2], rows[2:]], np.zeros((4, 2)), 1.0, 7)  # type: ignore[list-item]
    other = Member("m", "linear", ["c", "d"], [rows[::2], rows[1::2]], np.ones((4, 2)), 2.0, 9)  # type: ignore[list-item]
    joined = one.joined(other)
    assert (joined.models, len(joined.folds), joined.seconds, joined.rounds) == (["a", "b", "c", "d"], 4, 3.0, 7)
    assert (joined.predictions == 0.5).all()
