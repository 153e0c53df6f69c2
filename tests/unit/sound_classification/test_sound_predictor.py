"""From bytes to windows, from probabilities to the answer, and which manifests are accepted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.model import ModelManifest, TensorSpec
from droplearn.scenarios import SCENARIOS
from droplearn.scenarios.answering import UndecodableInput
from droplearn.scenarios.sound_classification import SOUND_CLASSIFICATION
from droplearn.scenarios.sound_classification.sample import LABELS, sound, write_sample
from droplearn.scenarios.sound_classification.windows import WindowShape
from tests.unit.learning.fakes import manifest_of

SAMPLES = WindowShape(224).samples


def manifest(**changes: object) -> ModelManifest:
    made = manifest_of(list(LABELS), scenario="sound_classification").model_copy(
        update={
            "inputs": [TensorSpec(name="windows", dtype="float32", shape=[-1, SAMPLES], axes="WT")],
            "outputs": [TensorSpec(name="probabilities", dtype="float32", shape=[1, 3], axes="NC")],
        }
    )
    return made.model_copy(update=changes)


def predictor():
    return SCENARIOS["sound_classification"].load_serving().load(Path(), manifest())


def test_a_sound_becomes_windows_and_tells_its_length_and_rate() -> None:
    given = predictor().decode(sound("beep", 1, seconds=3.0, kind="FLAC"))
    assert given.tensors["windows"].shape == (2, SAMPLES)
    assert given.tensors["windows"].dtype == np.float32
    assert given.meta["seconds"] == 3.0
    assert given.meta["sample_rate"] in (16_000, 22_050, 44_100)


def test_the_most_confident_labels_come_first() -> None:
    told = predictor().answer([np.array([[0.2, 0.7, 0.1]], np.float32)], {}, {"top": "2"})
    assert told == [{"label": "chirp", "conf": 0.7}, {"label": "beep", "conf": 0.2}]
    assert predictor().output_type == "audio_common"


def test_undecodable_bytes_are_an_undecodable_input() -> None:
    with pytest.raises(UndecodableInput):
        predictor().decode(b"\x89PNG")


def test_the_example_has_the_networks_shape() -> None:
    assert predictor().example().tensors["windows"].shape == (1, SAMPLES)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inputs": []}, "one input"),
        ({"inputs": [TensorSpec(name="w", dtype="uint8", shape=[-1, SAMPLES], axes="WT")]}, "float32"),
        ({"inputs": [TensorSpec(name="w", dtype="float32", shape=[-1, SAMPLES + 1], axes="WT")]}, "frames"),
        ({"labels": ["a", "a", "b"]}, "labels"),
        ({"preprocessing": {"sample_rate": 8000}}, "preprocessing"),
    ],
)
def test_a_manifest_that_is_no_sound_classifier_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        SOUND_CLASSIFICATION.load_serving().load(Path(), manifest(**changes))


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("cat/a.wav", ExampleStatus.LABELLED, None),
        ("cat/2024/a.FLAC", ExampleStatus.LABELLED, None),
        ("a.ogg", ExampleStatus.UNLABELLED, None),
        ("cat/a.mp3", ExampleStatus.LABELLED, None),
        ("cat/a.jpg", ExampleStatus.SKIPPED, "not_a_sound"),
        ("cat/.a.wav", ExampleStatus.SKIPPED, "hidden_file"),
    ],
)
def test_the_first_folder_is_the_label(path: str, status: ExampleStatus, reason: str | None) -> None:
    found = SOUND_CLASSIFICATION.recognise(path, 100)
    assert (found.status, found.reason) == (status, reason)


def test_the_sample_is_the_same_for_a_seed(tmp_path) -> None:
    one, two = write_sample(tmp_path / "one", 3, 4), write_sample(tmp_path / "two", 3, 4)
    files = sorted(f.relative_to(one) for f in one.rglob("*") if f.is_file())
    assert len(files) == 12
    assert all((one / f).read_bytes() == (two / f).read_bytes() for f in files)
