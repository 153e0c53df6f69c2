"""Views, splits, schedules, sizes, repeats: the rules of a training."""

import numpy as np
import pytest

from droplearn.contracts.training import HyperParameters
from droplearn.scenarios.object_detection.training.augmentation import Augmentation, Subject, recoloured
from droplearn.scenarios.object_detection.training.schedule import MAX_EPOCHS, affordable_size, choose_size, make_schedule, repeats
from droplearn.scenarios.object_detection.training.split import MIN_VALIDATION, moved_to_validation

RED = (250, 10, 10)


def subject(height=90, width=120, box=(0.25, 0.25, 0.75, 0.75)) -> Subject:
    pixels = np.full((height, width, 3), 120, np.uint8)
    left, top, right, bottom = (round(v * s) for v, s in zip(box, (width, height, width, height), strict=True))
    pixels[top:bottom, left:right] = RED
    return Subject(pixels, np.array([box], np.float32), np.array([4]), np.array([0]))


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
def test_boxes_stay_on_what_they_enclose(mosaic, monkeypatch):
    monkeypatch.setattr("droplearn.scenarios.object_detection.training.augmentation.recoloured", lambda pixels, random: pixels)
    random, seen = np.random.default_rng(0), 0
    for _ in range(30):
        view = Augmentation(128, mosaic).view(subject(), lambda i: subject(60, 60), 3, random)
        assert view.pixels.shape == (128, 128, 3)
        is_red = (np.abs(view.pixels.astype(int) - RED).max(axis=2) < 60).astype(float)
        for left, top, right, bottom in view.boxes.round().astype(int):
            seen += 1
            assert is_red[top + 1 : bottom - 1, left + 1 : right - 1].mean() > 0.9
            is_red[max(top - 2, 0) : bottom + 2, max(left - 2, 0) : right + 2] = 0
        assert is_red.sum() < 0.02 * is_red.size, "what is red has a box, unless hardly any of it is left"
    assert seen > 20


def test_views_depend_on_the_seed_alone():
    one, other, third = (Augmentation(64).view(subject(), lambda i: subject(), 3, np.random.default_rng(s)) for s in (1, 1, 2))
    assert (one.pixels == other.pixels).all()
    assert (one.boxes == other.boxes).all()
    assert one.pixels.shape == third.pixels.shape
    assert not (one.pixels == third.pixels).all()


def test_colours_change_and_stay_within_bytes():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    made = [recoloured(pixels, np.random.default_rng(seed)) for seed in range(20)]
    assert all(m.dtype == np.uint8 for m in made)
    assert 2 <= sum((m == pixels).all() for m in made) <= 10


def test_boxes_of_which_little_is_left_are_not_asked_for():
    whole = Subject(np.full((50, 50, 3), 9, np.uint8), np.array([[0, 0, 1, 1]], np.float32), np.array([0]), np.array([0]))
    marks = [Augmentation(64, 1.0).view(whole, lambda i: whole, 3, np.random.default_rng(s)).is_ignored for s in range(20)]
    assert 0 < np.concatenate(marks).mean() < 1


def test_a_small_dataset_gets_a_validation_that_says_something():
    kinds = [["a"]] * 30 + [["b"]] * 5 + [[]] * 5
    splits = ["train"] * 39 + ["validation"]
    moved = moved_to_validation(kinds, splits, movable=[True] * 40, share=0.15, seed=0)
    assert len(moved) == MIN_VALIDATION, "the one that validates shows nothing"
    assert any(kinds[i] == ["b"] for i in moved)
    assert moved == moved_to_validation(kinds, splits, movable=[True] * 40, share=0.15, seed=0)


def test_few_pictures_keep_most_for_training_and_rare_labels_all():
    moved = moved_to_validation([["a"]] * 6 + [["rare"]] * 2, ["train"] * 8, movable=[True] * 8, share=0.15, seed=1)
    assert len(moved) == 2
    assert all(i < 6 for i in moved)


def test_enough_validation_is_left_as_it_is_and_the_test_split_always():
    splits = ["train"] * 70 + ["validation"] * 20 + ["test"] * 10
    assert moved_to_validation([["a"]] * 100, splits, movable=[True] * 100, share=0.15, seed=0) == set()
    all_test = moved_to_validation([["a"]] * 10, ["test"] * 9 + ["train"], movable=[True] * 10, share=0.15, seed=0)
    assert all_test <= {9}


def test_old_pictures_move_last():
    moved = moved_to_validation([["a"]] * 40, ["train"] * 40, movable=[False] * 20 + [True] * 20, share=0.15, seed=0)
    assert all(i >= 20 for i in moved)


def test_wishes_overrule_the_recipe():
    wishes = HyperParameters(epochs=7, learning_rate=0.01, batch_size=6, warmup_epochs=2)
    schedule = make_schedule(wishes, 60, 320, 320, 1)
    assert (schedule.epochs, schedule.batch_size, schedule.learning_rate, schedule.steps_per_epoch) == (7, 6, 0.01, 10)
    assert schedule.warmup_steps == 20
    assert make_schedule(wishes, 60, 320, 320, 4).batch_size == 4, "it divides over the processes"


@pytest.mark.parametrize(("count", "batch"), [(3, 3), (100, 4), (500, 8), (5000, 16)])
def test_few_pictures_have_small_batches_and_many_epochs(count, batch):
    schedule = make_schedule(HyperParameters(), count, 320, 320, 1)
    assert schedule.batch_size == batch
    assert 15 <= schedule.epochs <= MAX_EPOCHS
    assert schedule.rounds_per_epoch == max(1, round(count / 600))


def test_the_rate_rises_then_falls_but_never_to_nothing():
    schedule = make_schedule(HyperParameters(), 400, 320, 320, 1)
    rates = [schedule.rate_factor(step, step / schedule.steps) for step in range(schedule.steps)]
    assert rates[0] < 0.1
    assert max(rates) > 0.95
    assert 0 < rates[-1] < 0.05


def test_small_objects_ask_for_a_larger_input_within_a_limit():
    labels = np.zeros(10, int)
    assert choose_size(320, np.full(10, 0.4), labels) == 320
    assert choose_size(320, np.full(10, 0.06), labels) == 384
    assert choose_size(320, np.full(10, 0.001), labels) == 512
    mixed = np.array([0.4] * 7 + [0.06] * 3)
    assert choose_size(320, mixed, (mixed < 0.1).astype(int)) == 384, "the rare small label counts as much"


def test_rare_labels_are_shown_more_often_and_empty_pictures_at_most_as_often_as_others():
    kinds = [{0}] * 90 + [{1}] * 5 + [set()] * 300
    counts = np.mean([repeats(kinds, np.random.default_rng(seed)) for seed in range(40)], axis=0)
    assert counts[:90].mean() == pytest.approx(1.0)
    assert counts[90:95].mean() == pytest.approx(3.0, abs=0.15)
    assert counts[95:].sum() == pytest.approx(95, rel=0.1)


@pytest.mark.parametrize(("time_s", "size"), [(10_000, 512), (450, 384), (300, 320), (10, 320), (-5, 320)])
def test_a_larger_input_must_leave_time_for_enough_epochs(time_s, size):
    assert affordable_size(512, 320, views=300, view_s=0.05, time_s=time_s) == size
