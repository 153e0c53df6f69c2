"""What a service answers."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.model import TensorSpec
from droplearn.contracts.prediction import PredictedLabel
from droplearn.scenarios.answering import UndecodableInput
from droplearn.scenarios.object_detection.serving import DEFAULT_THRESHOLD, BoxPredictor, load, threshold_of
from tests.unit.learning.fakes import manifest_of

META = {"height": 100, "width": 200}
OUTPUTS = (
    np.array([[[0, 0, 32, 16], [32, 16, 64, 32]]], np.float32),
    np.array([[[0.9, 0.1], [0.05, 0.4]]], np.float32),
)


@pytest.fixture
def predictor() -> BoxPredictor:
    return BoxPredictor(["cat", "dog"], 64, 0.6)


def test_objects_have_four_points_in_order_relative_or_in_pixels(predictor):
    best, second = predictor.answer(OUTPUTS, META, {})
    assert best == {"label": "cat", "conf": 0.9, "pos": [[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]]}
    assert (second["label"], second["conf"]) == ("dog", 0.4)
    (pixels, _) = predictor.answer(OUTPUTS, META, {"pos": "pixels"})
    assert pixels["pos"] == [[0, 0], [100, 0], [100, 50], [0, 50]]
    PredictedLabel.model_validate(best)


def test_the_threshold_is_the_callers(predictor):
    assert len(predictor.answer(OUTPUTS, META, {"threshold": "0.5"})) == 1
    assert len(predictor.answer(OUTPUTS, META, {"threshold": "0.01"})) == 4
    assert predictor.answer(OUTPUTS, META, {"threshold": "1"}) == []
    assert threshold_of({}) == DEFAULT_THRESHOLD


@pytest.mark.parametrize(
    "options", [{"threshold": "x"}, {"threshold": "nan"}, {"threshold": "1.5"}, {"threshold": "-1"}, {"pos": "inches"}]
)
def test_wrong_options_are_named(predictor, options):
    with pytest.raises(InvalidRequest) as error:
        predictor.answer(OUTPUTS, META, options)
    assert next(iter(options)) in error.value.message


def test_numbers_that_are_no_answer_are_a_forward_error(predictor):
    with pytest.raises(ValueError, match="no answer"):
        predictor.answer((OUTPUTS[0], OUTPUTS[1] * np.nan), META, {})
    with pytest.raises(ValueError, match="no answer"):
        predictor.answer((OUTPUTS[0], OUTPUTS[1][:, :, :1]), META, {})


def test_meta_is_of_the_picture_as_shown(predictor):
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.new("RGB", (100, 60), "red").save(out, "JPEG", exif=exif)
    given = predictor.decode(out.getvalue())
    assert given.meta == {"height": 100, "width": 60}
    assert given.tensors["image"].shape == (1, 64, 64, 3)


@pytest.mark.parametrize("raw", [b"", b"text", b"\xff\xd8\xff\xe0 cut"])
def test_bytes_that_are_no_picture_are_refused(predictor, raw):
    with pytest.raises(UndecodableInput):
        predictor.decode(raw)


def detector_manifest(**changes):
    told = {
        "scenario": "object_detection",
        "inputs": [TensorSpec(name="image", dtype="uint8", shape=[-1, 64, 64, 3], axes="NHWC")],
        "outputs": [
            TensorSpec(name="boxes", dtype="float32", shape=[-1, 84, 4], axes="NPC"),
            TensorSpec(name="scores", dtype="float32", shape=[-1, 84, 2], axes="NPC"),
        ],
        "preprocessing": {"nms_iou": 0.5},
    }
    return manifest_of(changes.pop("labels", ["cat", "dog"]), **told | changes)


def test_a_model_is_loaded_by_its_manifest_and_another_is_refused():
    assert load(Path(), detector_manifest()).example().tensors["image"].shape == (1, 64, 64, 3)
    for wrong in ({"inputs": []}, {"outputs": []}, {"labels": ["one"]}):
        with pytest.raises(InvalidRequest):
            load(Path(), detector_manifest(**wrong))
