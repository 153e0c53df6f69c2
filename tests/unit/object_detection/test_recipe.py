"""Whole trainings in this process, as short as they can be."""

import pytest

from droplearn.scenarios.learning import StoppedEarly, TrainingContext
from droplearn.scenarios.object_detection.sample import sample_files
from droplearn.scenarios.object_detection.training import train
from tests.unit.learning.fakes import FakeDeadline, FakeLog, FakeStore
from tests.unit.object_detection.test_examples import context_of, write


@pytest.fixture
def trained(tmp_path):
    """Trains on eight pictures; keyword arguments are task settings. Each call is a job of its own, unless it is told to go on."""

    def run(name="one", **settings) -> TrainingContext:
        if not (tmp_path / name).exists():
            (tmp_path / name).mkdir()
            write(tmp_path / name, sample_files(0, 8, ("circle",)))
        context = context_of(tmp_path / name, **{"hyper_parameters": {"epochs": 1, "batch_size": 4}} | settings)
        train(context)
        return context

    return run


def test_equal_trainings_give_equal_models_and_another_seed_another(trained):
    (one, other, third) = (trained(name, seed=seed) for name, seed in (("one", 1), ("other", 1), ("third", 2)))
    assert one.log.history == other.log.history
    files = [{file.name: file.content for file in context.store.saved[-1][0].files} for context in (one, other, third)]
    assert files[0]["model.onnx"] == files[1]["model.onnx"]
    assert files[0]["model.onnx"] != files[2]["model.onnx"]


def test_the_first_round_is_saved_and_the_last_model_is_final(trained):
    context = trained()
    (first, is_final), *_, (last, is_last_final) = context.store.saved
    assert (is_final, is_last_final) == (False, True)
    assert first.labels == ("circle",)
    assert last.stop_reason == "epochs_done"
    assert [c.is_chosen for c in last.candidates].count(True) == 1


def test_an_expected_accuracy_ends_the_training(trained):
    context = trained(expected_accuracy=1e-9, hyper_parameters={"epochs": 500, "batch_size": 4, "learning_rate": 0.004})
    assert context.store.saved[-1][0].stop_reason == "expected_accuracy"
    assert len(context.log.history) < 100


def test_a_finished_training_that_is_started_again_only_saves(trained):
    first, again = trained("one"), trained("one")
    assert again.log.history == first.log.history
    assert again.store.saved[-1][0].metrics == first.store.saved[-1][0].metrics


def test_a_stop_between_rounds_leaves_the_model_of_the_round(tmp_path):
    write(tmp_path, sample_files(0, 8, ("circle",)))
    context = context_of(tmp_path, hyper_parameters={"epochs": 50, "batch_size": 4})
    deadline, store = context.deadline, context.store
    assert isinstance(deadline, FakeDeadline)
    assert isinstance(store, FakeStore)
    assert isinstance(context.log, FakeLog)
    save = store.save

    def save_and_stop(draft, *, is_final):
        save(draft, is_final=is_final)
        deadline.reason = "stop_requested"

    store.save = save_and_stop
    with pytest.raises(StoppedEarly):
        train(context)
    assert len(store.saved) == 1
