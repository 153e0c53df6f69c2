"""The leader and those that follow it part in order, also when a stop comes between two trainings."""

from types import SimpleNamespace

import pytest

from droplearn.scenarios.image_classification.training import tuned_stage
from droplearn.scenarios.learning import StoppedEarly
from tests.unit.learning.fakes import context_of


class FakeCollective:
    """Keeps what the leader tells."""

    told: list[object]

    def __init__(self, group):
        FakeCollective.told = []

    def from_leader(self, arrays):
        self.told.append(arrays)
        return {}

    def close(self):
        self.told.append("closed")


@pytest.fixture
def context(tmp_path, monkeypatch):
    monkeypatch.setattr(tuned_stage, "Collective", FakeCollective)
    monkeypatch.setattr(tuned_stage, "_prepare", lambda context: None)
    monkeypatch.setattr(tuned_stage, "Validation", lambda *_: SimpleNamespace(y=[]))
    return context_of([], tmp_path)


def raising(error):
    def fail(*_):
        raise error

    return fail


def test_a_stop_outside_the_steps_dismisses_the_others(context, monkeypatch):
    monkeypatch.setattr(tuned_stage, "make_teacher", raising(StoppedEarly("stop_requested")))
    with pytest.raises(StoppedEarly):
        tuned_stage.tune(context, SimpleNamespace(data=None, network=SimpleNamespace(size=64)))
    assert FakeCollective.told == [{}, "closed"]


def test_a_defect_tells_nothing_for_the_others_may_be_in_the_middle_of_a_step(context, monkeypatch):
    monkeypatch.setattr(tuned_stage, "make_teacher", raising(KeyError("defect")))
    with pytest.raises(KeyError):
        tuned_stage.tune(context, SimpleNamespace(data=None, network=SimpleNamespace(size=64)))
    assert FakeCollective.told == []
