"""What fine-tuning teaches: labels, a teacher's opinion, and when there is a teacher."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from droplearn.scenarios.image_classification.training import teacher as teaching
from droplearn.scenarios.image_classification.training.targets import label_prior, targets_of
from droplearn.scenarios.image_classification.training.teacher import Teacher, make_teacher
from droplearn.scenarios.learning import ExampleSource
from droplearn.scenarios.learning.labelled_examples import LearningExample, LearningSet
from tests.pictures import picture
from tests.unit.learning.fakes import FakeDeadline, context_of, version_of

LABELS = ("circle", "square")


class MeanColour:
    """Stands for a network: the features are the mean colour."""

    size = 32

    def __init__(self, file):
        self.file = file

    def run(self, pixels):
        return pixels.mean((1, 2)).astype(np.float32)


@pytest.fixture
def data(tmp_path) -> LearningSet:
    """Twelve pictures a label; the last of each is for the test."""
    source, examples = ExampleSource(version_of([]), [], tmp_path), []
    for label in LABELS:
        for i in range(12):
            (tmp_path / f"{label}{i}").write_bytes(picture(label, i, 40))
            examples.append(LearningExample(f"{label}{i}", label, "test" if i == 11 else "train", f"e-{label}{i}", source))
    return LearningSet(tuple(examples), LABELS)


@pytest.fixture
def stage(data, monkeypatch):
    """Lite0 is being tuned; the other pretrained network is a fake."""
    monkeypatch.setattr(teaching, "backbone_file", lambda network, size: Path(f"{network}-{size}.onnx"))
    monkeypatch.setattr(teaching, "Graph", MeanColour)
    network = SimpleNamespace(name="efficientnet_lite0", weights={})
    return SimpleNamespace(data=data, network=network, features=np.ones((len(data.examples), 5), np.float32))


def test_without_a_teacher_the_labels_are_smoothed():
    assert targets_of(np.array([1]), 4, None)[0] == pytest.approx([0.025, 0.925, 0.025, 0.025])


def test_with_a_teacher_half_of_the_target_is_its_opinion():
    taught = np.array([[0.2, 0.8]], np.float32)
    assert targets_of(np.array([0]), 2, taught)[0] == pytest.approx([0.6, 0.4])


def test_a_label_without_examples_still_has_a_prior():
    assert label_prior(np.array([0, 0, 1, 1]), 3) == pytest.approx([0.5, 0.5, 0.125])


def test_the_teacher_knows_the_features_of_every_pretrained_network(stage, tmp_path):
    context = context_of([], tmp_path)
    teacher = make_teacher(context, stage)
    assert teacher.features.shape == (24, 5 + 3)
    assert (teacher.features[11] == 0).all(), "test examples are not looked at"
    for file in tmp_path.glob("circle*"):
        file.unlink()
    assert np.array_equal(make_teacher(context, stage).features, teacher.features), "a restart reads nothing again"


def test_features_of_tuned_weights_are_not_the_teachers(stage, tmp_path):
    stage.network.weights = {"kernel": np.ones(1)}
    assert make_teacher(context_of([], tmp_path), stage).features.shape == (24, 3 + 3)


def test_there_is_no_teacher_where_time_is_short(stage, tmp_path):
    context = replace(context_of([], tmp_path), deadline=FakeDeadline(remaining=0.0))
    assert make_teacher(context, stage) is None
    assert context.log.notes == ["no teacher: time is short"]


def test_there_is_no_teacher_where_examples_are_many(stage, tmp_path, monkeypatch):
    monkeypatch.setattr(teaching, "cross_validated_count", lambda label_count: 20)
    context = context_of([], tmp_path)
    assert make_teacher(context, stage) is None
    assert context.log.notes == ["no teacher: 22 examples need none"]


def test_the_teacher_has_not_seen_the_example_that_it_speaks_of(data, tmp_path):
    """Features and labels have nothing to do with each other: by heart it would be right about all."""
    features = np.random.default_rng(0).normal(size=(len(data.examples), 40)).astype(np.float32)
    known = data.indices("train")
    taught = Teacher(features).probabilities(data, known, context_of([], tmp_path))
    assert taught.sum(axis=1)[known] == pytest.approx(np.ones(len(known)), abs=1e-5)
    assert (taught[data.indices("test")] == 0).all()
    assert (taught[known].argmax(axis=1) == data.y[known]).mean() < 0.8
