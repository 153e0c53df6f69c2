"""The preview's page in a real browser: it loads a network, answers files and a camera, draws boxes, and works without a network."""

from __future__ import annotations

import io
import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from PIL import Image

from droplearn.scenarios.image_classification.serving import LabelPredictor
from tests.e2e.browser import CHROMIUM, Page, browser
from tests.e2e.preview_site import Site
from tests.unit.serving.constant_network import constant_network
from tests.unit.serving.tiny_model import LABELS, SIZE, network

NAMED = "document.getElementById('status').textContent"
ANSWERS = "[...document.querySelectorAll('#answers li')].map(item => ({...item.dataset}))"
OF_PICTURES = {
    "kind": "picture_labels",
    "labels": LABELS,
    "input": {"name": "image", "side": SIZE},
    "outputs": ["probabilities"],
    "preprocessing": {"crop_fraction": 0.875},
}


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, colour).save(written, "JPEG")
    return written.getvalue()


def opened(page: Page, url: str) -> None:
    page.open(url)
    page.wait(f"location.href === {json.dumps(url)} && document.body.dataset.state === 'ready'")


def answers_to(page: Page, file: Path) -> list[dict[str, str]]:
    page.choose("#file", file)
    page.wait(f"{NAMED} === {json.dumps(file.name)}")
    return list(page.value(ANSWERS))


def test_a_file_is_answered_as_the_server_answers_it(page: Page, site: Site, runtime: Any, tmp_path: Path):
    import onnxruntime

    opened(page, site.add("colours", OF_PICTURES, network(), runtime))
    raw = plain((200, 90, 30))
    (tmp_path / "red.jpg").write_bytes(raw)
    predictor, session = LabelPredictor(LABELS, "image", SIZE), onnxruntime.InferenceSession(network())
    wanted = predictor.answer(session.run(None, predictor.decode(raw).tensors), {}, {})
    found = answers_to(page, tmp_path / "red.jpg")
    assert [one["label"] for one in found] == [one["label"] for one in wanted] == ["red", "green", "blue"]
    assert np.allclose([float(one["confidence"]) for one in found], [one["conf"] for one in wanted], atol=1e-5)
    assert page.complaints == []


def test_what_is_no_picture_is_told_and_the_next_one_answered(page: Page, site: Site, runtime: Any, tmp_path: Path):
    opened(page, site.add("broken", OF_PICTURES, network(), runtime))
    (tmp_path / "red.jpg").write_bytes(plain((200, 90, 30)))
    assert len(answers_to(page, tmp_path / "red.jpg")) == 3
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    page.choose("#file", tmp_path / "broken.jpg")
    page.wait(f"{NAMED} === 'This file is no picture that the browser can read.'")
    assert page.value(ANSWERS) == []
    (tmp_path / "blue.jpg").write_bytes(plain((10, 20, 250)))
    assert answers_to(page, tmp_path / "blue.jpg")[0]["label"] == "blue"


def test_a_loaded_page_works_without_a_network(page: Page, site: Site, runtime: Any, tmp_path: Path):
    url = site.add("offline", OF_PICTURES, network(), runtime)
    opened(page, url)
    kept, site.files = site.files, {}
    page.set_offline(True)
    try:
        page.open("about:blank")
        opened(page, url)
        (tmp_path / "green.jpg").write_bytes(plain((20, 220, 30)))
        assert answers_to(page, tmp_path / "green.jpg")[0]["label"] == "green"
    finally:
        page.set_offline(False)
        site.files = kept


def test_objects_are_drawn_where_they_are(page: Page, site: Site, runtime: Any, tmp_path: Path):
    boxes = np.array([[[80, 60, 240, 180], [0, 0, 10, 10]]], np.float32)
    scores = np.array([[[0.9, 0.0], [0.0, 0.1]]], np.float32)
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 320, 320, 3])
    finder = constant_network("image", image, {"boxes": boxes, "scores": scores})
    told = {
        "kind": "picture_boxes",
        "labels": ["cat", "dog"],
        "input": {"name": "image", "side": 320},
        "outputs": ["boxes", "scores"],
        "preprocessing": {"nms_iou": 0.6},
    }
    opened(page, site.add("boxes", told, finder, runtime))
    (tmp_path / "scene.jpg").write_bytes(plain((128, 128, 128), (640, 480)))
    (found,) = answers_to(page, tmp_path / "scene.jpg")
    assert (found["label"], json.loads(found["box"])) == ("cat", [0.25, 0.25, 0.75, 0.75])
    at = "document.getElementById('boxes').getContext('2d').getImageData({}, {}, 1, 1).data[3]"
    assert page.value(at.format(160, 240)) > 0, "the left side of the box"
    assert page.value(at.format(320, 240)) == 0, "its middle"


def test_a_sound_file_is_answered(page: Page, site: Site, runtime: Any, tmp_path: Path):
    samples = helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["W", 1344])
    listener = constant_network("samples", samples, {"probabilities": np.array([[0.25, 0.75]], np.float32)})
    told = {"kind": "sound_labels", "labels": ["beep", "knock"], "input": {"name": "samples", "side": 1344}, "outputs": ["probabilities"]}
    opened(page, site.add("sounds", told, listener, runtime))
    assert page.value("document.getElementById('live').textContent") == "Microphone"
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(32_000)
        file.writeframes((np.sin(np.arange(32_000) * 0.1) * 9000).astype("<i2").tobytes())
    found = answers_to(page, tmp_path / "tone.wav")
    assert [(one["label"], float(one["confidence"])) for one in found] == [("knock", 0.75), ("beep", 0.25)]


def test_a_camera_is_watched_until_it_is_stopped(site: Site, runtime: Any, tmp_path: Path):
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    camera = tmp_path / "camera.mjpeg"
    camera.write_bytes(plain((20, 220, 30), (320, 240)) * 2)
    url = site.add("camera", OF_PICTURES, network(), runtime)
    with browser(tmp_path / "chromium", camera=camera) as page:
        opened(page, url)
        page.value("document.getElementById('live').click()")
        page.wait(f"document.body.dataset.state === 'live' && {ANSWERS}.length === 3")
        assert page.value(ANSWERS)[0]["label"] == "green"
        page.value("document.getElementById('live').click()")
        page.wait(
            "document.body.dataset.state === 'ready' && document.querySelector('video').srcObject.getTracks()[0].readyState === 'ended'"
        )
        assert page.value("[document.querySelector('video').hidden, document.getElementById('picture').hidden]") == [True, False]
        red, green, blue = page.value(
            "[...document.getElementById('picture').getContext('2d').getImageData(160, 120, 1, 1).data].slice(0, 3)"
        )
        assert green > 200 > 60 > max(red, blue), "the last picture stays, with its answers"


def test_a_network_that_is_gone_is_told(page: Page, site: Site, runtime: Any):
    url = site.add("gone", OF_PICTURES, network(), runtime)
    del site.files["/v1/preview/gone/network.onnx"]
    page.open(url)
    page.wait(f"{NAMED}.startsWith('network.onnx could not be loaded (404)')")
