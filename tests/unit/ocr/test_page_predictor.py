"""Answers of a service: keys, places, errors."""

import io

import numpy as np
import pytest
from PIL import Image

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.prediction import PredictedLabel
from droplearn.scenarios.answering import PipelinePredictor, UndecodableInput
from droplearn.scenarios.ocr.conventions import Conventions
from droplearn.scenarios.ocr.model_files import OcrModel
from droplearn.scenarios.ocr.serving import PagePredictor, load
from tests.unit.learning.fakes import manifest_of
from tests.unit.ocr.conftest import drawn
from tests.unit.ocr.test_field_model import fitted, learnt  # noqa: F401 (a fixture)


def png(pixels) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def predictor(reader, learnt) -> PagePredictor:  # noqa: F811
    return PagePredictor(OcrModel(reader, fitted(learnt), Conventions()))


@pytest.fixture(scope="module")
def page():
    return drawn(31)


def test_all_keys_are_fields_and_then_lines_in_reading_order(predictor, page):
    assert isinstance(predictor, PipelinePredictor)
    answer = predictor.predict(png(page.pixels), {})
    fields = {entry["key"]: entry["label"] for entry in answer.body if entry["kind"] == "field"}
    assert fields == page.values
    assert [e["label"].replace(" ", "") for e in answer.body if e["kind"] == "line"] == [x.text.replace(" ", "") for x in page.lines]
    assert answer.meta == {"height": page.pixels.shape[0], "width": page.pixels.shape[1]}
    for entry in answer.body:
        PredictedLabel.model_validate(entry)
        assert all(0 <= v <= 1 for point in entry["pos"] for v in point)


def test_labelled_keys_are_the_fields_alone(predictor, page):
    body = predictor.predict(png(page.pixels), {"keys": "labelled"}).body
    assert {entry["key"] for entry in body} == {"address", "company", "date", "total"}


def test_custom_keys_are_learnt_fields_or_words_on_the_page(predictor, page):
    body = predictor.predict(png(page.pixels), {"keys": "total, Date, nowhere"}).body
    assert [entry["key"] for entry in body] == ["total", "Date"]
    assert body[1]["label"] == page.values["date"]


def test_places_are_given_in_pixels_on_request(predictor, page):
    body = predictor.predict(png(page.pixels), {"keys": "company", "pos": "pixels"}).body
    box = next(line.box for line in page.lines if line.field == "company")
    (left, top), _, (right, bottom), _ = body[0]["pos"]
    assert (left, top, right, bottom) == pytest.approx(box, abs=9)


def test_an_empty_page_is_an_empty_body(predictor):
    assert predictor.predict(png(np.full((120, 200, 3), 255, np.uint8)), {}).body == []


@pytest.mark.parametrize("options", [{"pos": "inches"}, {"keys": ","}, {"keys": ",".join("abcdefghij" * 6)}])
def test_options_out_of_bounds_are_refused(predictor, options):
    with pytest.raises(InvalidRequest):
        predictor.predict(b"", options)


def test_bytes_that_are_no_picture_are_refused(predictor):
    with pytest.raises(UndecodableInput):
        predictor.predict(b"no picture", {})


def test_warm_up_runs_both_networks(predictor):
    predictor.warm_up()


def test_a_model_of_another_kind_is_refused(tmp_path):
    with pytest.raises(InvalidRequest) as refused:
        load(tmp_path, manifest_of(["a", "b"]))
    assert refused.value.code == "model.unusable"
