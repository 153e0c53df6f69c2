"""Fitting the choice again with the validation examples: how often, when not, and what becomes of the weights."""

from types import SimpleNamespace

import numpy as np
import pytest

from droplearn.contracts.model import Candidate
from droplearn.scenarios.image_classification.training.refits import MAX_REFITS, Refits, average
from droplearn.scenarios.image_classification.training.scoring import Scored, with_head
from droplearn.scenarios.image_classification.training.tuning_leader import Choice
from droplearn.scenarios.image_classification.training.tuning_loop import EpochDone
from droplearn.scenarios.learning.logistic_regression import LinearHead
from tests.unit.learning.fakes import FakeDeadline, FakeLog, request_of

HEAD = LinearHead(np.zeros((2, 3), np.float32), np.zeros(2, np.float32))


def scored(loss):
    return Scored(np.eye(2), 1.0, {"log_loss": loss})


class FakeLeader:
    """Twelve examples, three of them for validation; a refitted network scores `loss`."""

    def __init__(self, loss=0.2, remaining=1000.0):
        log = FakeLog()
        log.history += [{"stage": "frozen", "elapsed_s": 10.0}]
        log.history += [{"stage": "finetune", "elapsed_s": 10.0 + 20 * epoch, "epochs": 4} for epoch in (1, 2, 3, 4)]
        self.context = SimpleNamespace(log=log, deadline=FakeDeadline(remaining), request=request_of(seed=3))
        data = SimpleNamespace(indices=lambda *splits: np.arange(12 if "validation" in splits else 9))
        self.stage = SimpleNamespace(data=data, model=SimpleNamespace(head=HEAD), network=SimpleNamespace(name="net"))
        self.start = with_head({"kernel": np.zeros(2, np.float32)}, HEAD)
        self.validation = SimpleNamespace(score_network=lambda network, arrays: scored(loss))

    def make_task(self, train, start, seed):
        return SimpleNamespace(train=train, start=start, seed=seed)


def loop_to(value, *, is_cut=False, epochs=2):
    """A fine-tuning that ends with this kernel, after one epoch of so many."""
    return SimpleNamespace(
        epochs=lambda: iter([EpochDone(1, 0.5, is_cut)]),
        schedule=SimpleNamespace(epochs=epochs),
        average=SimpleNamespace(arrays=lambda: with_head({"kernel": np.full(2, value, np.float32)}, HEAD)),
    )


def refits_of(leader, share=0.5, stop_reason="epochs_done", loss=0.4):
    candidates = (
        Candidate(name="frozen", metrics={}),
        Candidate(name="tuned", metrics={}, is_chosen=True, reason="lowest validation loss"),
    )
    return Refits(leader, Choice("tuned", share, scored(loss), {}, candidates), stop_reason)


def test_refits_learn_from_all_but_the_test_split_each_with_its_own_seed_and_are_averaged():
    refits = refits_of(FakeLeader())
    seeds = []
    for value in range(1, MAX_REFITS + 1):
        task = refits.next_task()
        assert len(task.train) == 12
        seeds.append(task.seed)
        refits.run(loop_to(value), task)
    assert refits.next_task() is None
    assert len(set(seeds)) == MAX_REFITS
    middle = (MAX_REFITS + 1) / 2
    assert refits.choice.arrays["kernel"].tolist() == [0.5 * middle] * 2, "half of the way from the start to the average"
    assert refits.choice.score.loss == 0.4, "the metrics are those of the held-out examples"
    assert [f"fitted again {MAX_REFITS} times" in c.reason for c in refits.choice.candidates] == [False, True]


@pytest.mark.parametrize("changes", [{"share": 0.0}, {"stop_reason": "expected_accuracy"}, {"stop_reason": "max_runtime"}])
def test_what_was_not_tuned_to_the_end_is_not_fitted_again(changes):
    assert refits_of(FakeLeader(), **changes).next_task() is None


def test_a_refit_needs_time_for_most_of_its_epochs():
    # Four epochs of 20 s on nine examples: 107 s on twelve.
    assert refits_of(FakeLeader(remaining=60.0)).next_task() is None
    assert refits_of(FakeLeader(remaining=70.0)).next_task() is not None


def test_a_refit_that_time_cuts_short_is_the_last_and_counts():
    refits = refits_of(FakeLeader())
    refits.run(loop_to(1.0, is_cut=True), refits.next_task())
    assert refits.choice.arrays["kernel"].tolist() == [0.5, 0.5]
    assert refits.next_task() is None


@pytest.mark.parametrize(
    ("leader", "loop", "why"),
    [(FakeLeader(loss=0.5), loop_to(1.0), "has seen"), (FakeLeader(), loop_to(1.0, is_cut=True, epochs=3), "time is short")],
)
def test_a_refit_that_does_worse_or_hardly_began_ends_them_and_leaves_the_choice(leader, loop, why):
    refits = refits_of(leader)
    before = refits.choice
    refits.run(loop, refits.next_task())
    assert refits.choice == before
    assert refits.next_task() is None
    assert why in leader.context.log.notes[0]


def test_an_average_is_of_each_array_in_float32():
    members = [{"a": np.array([1, 2], np.float32)}, {"a": np.array([3, 6], np.float32)}]
    assert average(members)["a"].tolist() == [2, 4]
    assert average(members)["a"].dtype == np.float32
