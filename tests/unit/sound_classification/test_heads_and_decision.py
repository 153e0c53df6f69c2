"""Heads on features, altered versions, and when a small network is worth its time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from droplearn.scenarios.learning.labelled_examples import LearningExample, LearningSet
from droplearn.scenarios.sound_classification.feature_graph import PARTS
from droplearn.scenarios.sound_classification.training.decision import Situation, reason_not_to_train
from droplearn.scenarios.sound_classification.training.feature_table import FeatureTable, Heard, Problem
from droplearn.scenarios.sound_classification.training.heads import Rows, fit_candidate
from droplearn.scenarios.sound_classification.training.versions import altered

WIDTHS = {"texture": 6, "shape": 4, "object": 5, "speech": 3}
WORTH_IT = Situation(
    smallest_label=60, train_count=300, validation_count=50, median_seconds=1.0, errors=20, remaining_s=100, is_asked_for=False
)


def learning_set(count: int = 30) -> LearningSet:
    examples = [
        LearningExample(f"{'ab'[i % 2]}/{i}.wav", "ab"[i % 2], "train", f"e{i}", source=None)  # type: ignore[arg-type]
        for i in range(count)
    ]
    return LearningSet(tuple(examples), ("a", "b"))


def features(data: LearningSet, told_by: str, seed: int = 0) -> np.ndarray:
    """Noise, but one part tells the label."""
    made = np.random.default_rng(seed).normal(0, 1, (len(data.examples), sum(WIDTHS.values())))
    begin = sum(WIDTHS[part] for part in PARTS[: PARTS.index(told_by)])
    made[:, begin] += 4.0 * data.y
    return made


def test_a_head_that_hears_the_right_part_does_better() -> None:
    data = learning_set()
    rows = Rows.of([features(data, "speech")], WIDTHS)
    told, deaf = (fit_candidate(name, data, rows, 0, lambda: None) for name in ("spectrum_and_speech", "spectrum"))
    assert told.metrics["log_loss"] < deaf.metrics["log_loss"]
    assert (told.name, told.parts) == ("spectrum_and_speech", ("texture", "speech"))


def test_versions_of_an_example_are_never_on_both_sides() -> None:
    """Each version repeats a fingerprint of its example: a leak would let the head know it."""
    data = learning_set()
    plain = np.random.default_rng(0).normal(0, 1, (30, sum(WIDTHS.values())))
    head = fit_candidate("everything", data, Rows.of([plain] * 4, WIDTHS), 0, lambda: None)
    assert head.name == "everything_in_4_versions"
    assert len(head.logits) == 30
    assert head.metrics["log_loss"] > 0.6


def test_altered_sounds_differ_by_seed_and_repeat_for_it() -> None:
    samples = np.sin(np.arange(32_000) * 0.1).astype(np.float32)
    first, again, other = altered(samples, [1]), altered(samples, [1]), altered(samples, [2])
    assert np.array_equal(first, again)
    assert len(first) != len(other) or not np.allclose(first, other)
    assert 0.85 < len(first) / len(samples) < 1.15


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"validation_count": 0}, "validate"),
        ({"median_seconds": 5.0}, "5.0 s"),
        ({"smallest_label": 10}, "10 training examples"),
        ({"validation_count": 5}, "too few"),
        ({"errors": 2}, "chance"),
        ({"remaining_s": 5.0}, "left"),
    ],
)
def test_a_small_network_is_not_tried_for_a_reason(change: dict[str, float], said: str) -> None:
    reason = reason_not_to_train(replace(WORTH_IT, **change))
    assert reason is not None
    assert said in reason


def test_a_small_network_is_tried_where_it_pays_or_is_asked_for() -> None:
    assert reason_not_to_train(WORTH_IT) is None
    assert reason_not_to_train(replace(WORTH_IT, smallest_label=2, is_asked_for=True)) is None


def test_what_was_read_survives_a_restart(tmp_path) -> None:
    table = FeatureTable("graph-1", {"e1": Heard(np.arange(3, dtype=np.float32), 1.5, ("silent", "clipping"), "wav")})
    table.problems = {"e2": Problem("corrupt", "It is damaged."), "e3": Problem("missing", "It is gone.")}
    table.save(tmp_path / "features-0.npz")
    found = FeatureTable.load(tmp_path / "features-0.npz", "graph-1")
    assert found.heard["e1"].remarks == ("silent", "clipping")
    assert found.heard["e1"].features.tolist() == [0, 1, 2]
    assert list(found.problems) == ["e2"]
    assert not FeatureTable.load(tmp_path / "features-0.npz", "graph-2").heard
    (tmp_path / "features-0.npz").write_bytes(b"damaged")
    assert not FeatureTable.load(tmp_path / "features-0.npz", "graph-1").heard
