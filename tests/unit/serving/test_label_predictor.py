"""From probabilities to the answer, and which manifests are accepted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.model import TensorSpec
from droplearn.contracts.prediction import PredictedLabel
from droplearn.scenarios import SCENARIOS
from droplearn.scenarios.answering import UndecodableInput
from droplearn.scenarios.image_classification.pixels import Resample, prepare
from droplearn.scenarios.image_classification.serving import LabelPredictor, load
from tests.unit.serving.pictures import encode, scene
from tests.unit.serving.tiny_model import LABELS, manifest_of


def predictor(count: int = 8, size: int = 32) -> LabelPredictor:
    return LabelPredictor([f"label {k}" for k in range(count)], "image", size)


def probabilities(*values: float) -> list[np.ndarray]:
    return [np.array([values], np.float32)]


def test_the_five_most_confident_labels_come_first_by_default() -> None:
    told = predictor().answer(probabilities(0.05, 0.3, 0.1, 0.2, 0.05, 0.15, 0.05, 0.1), {}, {})
    assert [entry["label"] for entry in told] == ["label 1", "label 3", "label 5", "label 2", "label 7"]
    assert [entry["conf"] for entry in told] == [0.3, 0.2, 0.15, 0.1, 0.1]


@pytest.mark.parametrize(("top", "count"), [("1", 1), ("3", 3), ("8", 8), ("1000", 8), ("", 5)])
def test_top_chooses_how_many(top: str, count: int) -> None:
    assert len(predictor().answer(probabilities(*[0.125] * 8), {}, {"top": top})) == count


@pytest.mark.parametrize("top", ["0", "-1", "many", "1.5", "٣", "9" * 20])
def test_a_senseless_top_is_the_callers_error(top: str) -> None:
    with pytest.raises(InvalidRequest, match="top"):
        predictor().answer(probabilities(*[0.125] * 8), {}, {"top": top})


def test_equal_labels_keep_the_models_order() -> None:
    told = predictor(3).answer(probabilities(0.25, 0.5, 0.25), {}, {})
    assert [entry["label"] for entry in told] == ["label 1", "label 0", "label 2"]


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5]), min_size=1, max_size=40), st.integers(1, 50))
def test_an_answer_is_the_beginning_of_all_labels_sorted(values: list[float], top: int) -> None:
    told = predictor(len(values)).answer(probabilities(*values), {}, {"top": str(top)})
    places = sorted(range(len(values)), key=lambda place: -values[place])[:top]
    assert [entry["label"] for entry in told] == [f"label {place}" for place in places]


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20))
def test_every_answer_is_a_documented_one_with_at_most_six_digits(values: list[float]) -> None:
    for entry in predictor(len(values)).answer(probabilities(*values), {}, {"top": "20"}):
        assert PredictedLabel.model_validate(entry).conf == round(entry["conf"], 6)
        assert "pos" not in entry


@pytest.mark.parametrize("values", [(0.5, np.nan, 0.5), (0.5, 0.5, np.inf), (2.0, 0.0, 0.0), (0.5, 0.5)])
def test_numbers_that_are_no_probabilities_are_never_shown(values: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="no probabilities"):
        predictor(3).answer(probabilities(*values), {}, {})


def test_decode_gives_what_pixels_prepare_gives() -> None:
    raw = encode(scene(300, 200), "JPEG")
    given_input = predictor(size=64).decode(raw)
    assert np.array_equal(given_input.tensors["image"][0], prepare(raw, 64).pixels)
    assert given_input.tensors["image"].shape == (1, 64, 64, 3)
    assert given_input.meta == {"height": 200, "width": 300}


def test_undecodable_bytes_are_an_undecodable_input() -> None:
    with pytest.raises(UndecodableInput):
        predictor().decode(b"GIF89a")


def test_the_example_has_the_networks_shape() -> None:
    assert predictor(size=64).example().tensors["image"].shape == (1, 64, 64, 3)


def test_the_registry_leads_to_this_module() -> None:
    loaded = SCENARIOS["image_classification"].load_serving().load(Path(), manifest_of(b""))
    assert loaded.output_type == "cv_common"
    assert loaded.example().tensors["image"].dtype == np.uint8


def spec(name: str, dtype: str, *shape: int) -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=list(shape), axes="NHWC")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inputs": []}, "one input"),
        ({"inputs": [spec("image", "float32", -1, 32, 32, 3)]}, "uint8"),
        ({"inputs": [spec("image", "uint8", -1, 3, 32, 32)]}, "uint8"),
        ({"outputs": [spec("probabilities", "float32", -1, 4)]}, "labels"),
        ({"labels": ["a", "a", "b"]}, "labels"),
        ({"preprocessing": {"size": 64}}, "preprocessing"),
        ({"preprocessing": {"crop_fraction": 1.0}}, "preprocessing"),
        ({"preprocessing": {"resample": "lanczos"}}, "known: bilinear, bicubic"),
    ],
)
def test_a_manifest_that_is_no_classifier_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        load(Path(), manifest_of(b"", **changes) if "labels" not in changes else manifest_of(b"").model_copy(update=changes))


def test_a_manifest_without_preprocessing_is_accepted() -> None:
    assert load(Path(), manifest_of(b"", LABELS, preprocessing={})).example().meta == {"height": 32, "width": 32}


@pytest.mark.parametrize(("told", "how"), [({}, "bicubic"), ({"resample": "bilinear"}, "bilinear"), ({"resample": "bicubic"}, "bicubic")])
def test_pictures_are_resampled_as_the_model_learnt_it(told: dict[str, str], how: Resample) -> None:
    raw = encode(scene(300, 200), "JPEG")
    shown = load(Path(), manifest_of(b"", LABELS, preprocessing=told)).decode(raw).tensors["image"][0]
    assert np.array_equal(shown, prepare(raw, 32, resample=how).pixels)
    other: Resample = "bicubic" if how == "bilinear" else "bilinear"
    assert not np.array_equal(shown, prepare(raw, 32, resample=other).pixels)
