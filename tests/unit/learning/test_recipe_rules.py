"""The recipe's decisions: when to tune, how long, at what size; which examples; whether old labels got worse."""

import json
from dataclasses import replace

import numpy as np
import pytest

from droplearn.contracts.errors import InvalidDataset
from droplearn.contracts.training import HyperParameters
from droplearn.scenarios.image_classification.dataset import LAYOUT
from droplearn.scenarios.image_classification.training.decision import Situation, reason_not_to_tune
from droplearn.scenarios.image_classification.training.schedule import make_schedule, training_size
from droplearn.scenarios.image_classification.training.scoring import is_clearly_worse
from droplearn.scenarios.learning import BaseModelSource, ExampleSource
from droplearn.scenarios.learning.held_out import HeldOut, compare, held_out_lines
from droplearn.scenarios.learning.labelled_examples import gather, learning_set
from tests.unit.learning.fakes import context_of, example, manifest_of, version_of

PLENTY = Situation(
    train_count=400, validation_count=70, frozen_errors=90, frozen_count=470, remaining_s=500, epoch_s=20, is_asked_for=False
)


def test_tuning_is_tried_where_a_gain_can_be_measured_and_time_is_left():
    assert reason_not_to_tune(PLENTY) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train_count": 28, "validation_count": 5}, "too few"),
        ({"validation_count": 3}, "validation"),
        ({"frozen_errors": 2}, "chance"),
        ({"remaining_s": 20}, "left"),
        ({"validation_count": 0, "is_asked_for": True}, "no examples"),
    ],
)
def test_every_no_is_a_sentence(change, words):
    assert words in reason_not_to_tune(replace(PLENTY, **change))


def test_a_wish_for_epochs_outweighs_the_rules():
    assert reason_not_to_tune(replace(PLENTY, train_count=8, validation_count=2, frozen_errors=0, is_asked_for=True)) is None


def test_custom_hyper_parameters_are_kept():
    wishes = HyperParameters(epochs=7, learning_rate=0.01, batch_size=16, warmup_epochs=2)
    schedule = make_schedule(wishes, 160, 1, is_cuda=False)
    assert (schedule.epochs, schedule.learning_rate, schedule.batch_size) == (7, 0.01, 16)
    assert schedule.warmup_steps == 2 * schedule.steps_per_epoch == 20


def test_batch_is_no_larger_than_the_dataset_and_divides_over_processes():
    schedule = make_schedule(HyperParameters(batch_size=64), 21, 4, is_cuda=False)
    assert schedule.batch_size == 20
    assert schedule.steps_per_epoch == 1


def test_learning_rate_warms_up_then_falls_to_nothing():
    schedule = make_schedule(HyperParameters(), 640, 1, is_cuda=False)
    factors = [schedule.rate_factor(step, step / schedule.steps) for step in range(schedule.steps)]
    assert factors[0] < factors[5] < factors[19]
    assert max(factors) <= 1
    assert factors[-1] < 0.01
    assert schedule.rate_factor(50, 1.0) == 0.0


@pytest.mark.parametrize(("served", "size"), [(256, 224), (260, 224), (224, 192), (32, 32)])
def test_pictures_are_smaller_while_training_than_when_served(served, size):
    assert training_size(served) == size


@pytest.mark.parametrize(("more", "is_worse"), [([0.3, -0.2, 0.2, -0.2], False), ([0.3, 0.2, 0.2, -0.1], True), ([0, 0, 0, 0], False)])
def test_an_epoch_is_clearly_worse_only_beyond_the_noise_of_few_examples(more, is_worse):
    lowest = np.array([0.1, 0.5, 0.9, 0.3])
    assert is_clearly_worse(lowest + more, lowest) is is_worse


def test_selected_labels_leave_the_others_out(tmp_path):
    examples = [example(f"{label}/{i}") for label in ("a", "b", "c") for i in range(3)]
    context = context_of(examples, tmp_path, labels=["a", "c"])
    data, _ = learning_set(gather(context), context, LAYOUT.check)
    assert data.labels == ("a", "c")
    assert len(data.examples) == 6


def test_test_examples_do_not_count_as_something_to_learn_from(tmp_path):
    examples = [example(f"a/{i}") for i in range(3)] + [example("b/0"), example("b/1", "test")]
    context = context_of(examples, tmp_path)
    with pytest.raises(InvalidDataset, match="too_few_examples"):
        learning_set(gather(context), context, LAYOUT.check)


def with_base(tmp_path, old, new, labels=("a", "b")):
    base = BaseModelSource(manifest_of(list(labels)), tmp_path, ExampleSource(version_of(old), old, tmp_path / "old"))
    return context_of(new, tmp_path, base)


def test_base_examples_are_rehearsed_and_those_held_out_stay_held_out(tmp_path):
    old = [example("a/0"), example("a/1", "validation"), example("b/0"), example("b/1")]
    new = [example("a/1", "train"), example("c/0"), example("c/1")]
    gathered = {e.path: e for e in gather(with_base(tmp_path, old, new))}
    assert set(gathered) == {"a/0", "a/1", "b/0", "b/1", "c/0", "c/1"}
    assert (gathered["a/1"].split, gathered["a/1"].is_old) == ("validation", True)
    assert gathered["a/0"].read.__self__.source.folder == tmp_path / "old"
    assert not gathered["c/0"].is_old


def test_a_new_label_of_an_old_picture_replaces_the_old_one(tmp_path):
    old = [example("a/0", etag="same"), example("b/0")]
    new = [example("b/9", etag="same")]
    gathered = gather(with_base(tmp_path, old, new))
    assert [e.label for e in gathered if e.etag == "same"] == ["b"]


@pytest.mark.parametrize(("wrong_after", "has_fallen"), [(0, False), (1, False), (2, True)])
def test_a_fall_on_the_old_labels_is_told(tmp_path, wrong_after, has_fallen):
    old = [example(f"{label}/{i}") for label in ("a", "b") for i in range(5)]
    context = with_base(tmp_path, old, [example("c/0"), example("c/1")])
    data, _ = learning_set(gather(context), context, LAYOUT.check)
    right = np.eye(3)[data.y]
    held_out = HeldOut(np.arange(len(data.y)), right, "cross_validation", {})
    (tmp_path / "held_out.jsonl").write_text(
        "".join(
            json.dumps(json.loads(line) | {"probabilities": json.loads(line)["probabilities"][:2]}) + "\n"
            for line in held_out_lines(data, held_out).splitlines()
        )
    )
    after = right.copy()
    after[:wrong_after] = after[:wrong_after, ::-1]
    comparison, warnings = compare(context, data, HeldOut(np.arange(len(data.y)), after, "cross_validation", {}))
    assert comparison.example_count == 10
    assert comparison.accuracy_before == 1.0
    assert comparison.accuracy_after == pytest.approx(1 - wrong_after / 10)
    assert comparison.has_fallen is has_fallen
    assert bool(warnings) is has_fallen
