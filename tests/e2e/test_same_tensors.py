"""What the browser makes of a picture, a sound or a detector's numbers is what the server makes of it."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from droplearn.scenarios.image_classification.pixels import prepare
from droplearn.scenarios.object_detection.boxes import detect, letterbox
from droplearn.scenarios.pictures import decode
from droplearn.scenarios.sound_classification.windows import WindowShape, cut
from tests.e2e.browser import Page
from tests.e2e.preview_site import Site

TURNED = Image.Exif()
TURNED[0x0112] = 6
SMALL = [
    ("JPEG", (300, 200), {"quality": 90}),
    ("JPEG", (320, 401), {"quality": 75, "subsampling": 0}),
    ("PNG", (96, 96), {}),
    ("PNG", (1280, 720), {}),
    ("BMP", (640, 480), {}),
    ("WEBP", (500, 333), {"quality": 90}),
]
BIG = [
    ("JPEG", (301, 203), {"exif": TURNED}),
    ("JPEG", (1280, 720), {"quality": 90}),
    ("JPEG", (1500, 2000), {"quality": 90}),
    ("JPEG", (2400, 2400), {"quality": 90}),
]


def scene(size: tuple[int, int], seed: int = 0) -> Image.Image:
    """Blobs of many sizes: no two pixels alike, as in a photo."""
    random = np.random.default_rng(seed)
    total = np.zeros((size[1], size[0], 3))
    for grain in (4, 16, 64):
        cells = random.integers(0, 256, (size[1] // grain + 2, size[0] // grain + 2, 3), dtype=np.uint8)
        total += np.asarray(Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC), float) * grain**0.5
    return Image.fromarray(((total - total.min()) / np.ptp(total) * 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str, options: dict[str, Any]) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


@pytest.fixture(scope="module")
def blank(page: Page, site: Site) -> Page:
    """A page of the site with nothing on it, so that its modules can be imported."""
    site.files["/blank"] = b"<!doctype html><title>blank</title>"
    site.add("modules", {}, b"", {})
    page.open(f"{site.url}/blank")
    page.wait("document.title === 'blank'")
    return page


def in_browser(blank: Page, module: str, code: str) -> Any:
    """`code`: the body of an async function that has the module as `m`."""
    return blank.value(f"import('/v1/preview/modules/{module}').then(async m => {{ {code} }})")


def square(blank: Page, raw: bytes, call: str, side: int) -> Any:
    given = base64.b64encode(raw).decode()
    code = f"""const file = new File([Uint8Array.from(atob("{given}"), c => c.charCodeAt(0))], "x");
        const made = m.{call};
        let text = "";
        for (const value of made.data) text += String.fromCharCode(value);
        return btoa(text);"""
    made = in_browser(blank, "pictures.js", code.replace("picture,", "await m.pixelsOfFile(file),"))
    return np.frombuffer(base64.b64decode(made), np.uint8).reshape(side, side, 3).astype(int)


@pytest.mark.parametrize(("kind", "size", "options"), SMALL)
def test_a_picture_gives_the_very_same_pixels(blank: Page, kind: str, size: tuple[int, int], options: dict[str, Any]):
    raw = encoded(scene(size), kind, options)
    for how in ("bilinear", "bicubic"):
        assert np.array_equal(square(blank, raw, f"centre(picture, 224, 0.875, '{how}')", 224), prepare(raw, 224, resample=how).pixels)
    shown = letterbox(decode(raw, short_side=320).pixels, 320)
    assert np.array_equal(square(blank, raw, "letterbox(picture, 320)", 320), shown)


@pytest.mark.parametrize(("kind", "size", "options"), BIG)
def test_a_big_photo_or_a_turned_one_differs_by_rounding_only(blank: Page, kind: str, size: tuple[int, int], options: dict[str, Any]):
    raw = encoded(scene(size), kind, options)
    difference = np.abs(square(blank, raw, "centre(picture, 224, 0.875, 'bilinear')", 224) - prepare(raw, 224).pixels)
    assert difference.mean() < 1
    assert difference.max() <= 8


def test_transparency_is_white(blank: Page):
    image = scene((200, 100)).convert("RGBA")
    image.putalpha(Image.fromarray(np.tile(np.arange(200, dtype=np.uint8), (100, 1))))
    raw = encoded(image, "PNG", {})
    difference = np.abs(square(blank, raw, "centre(picture, 64, 0.875, 'bilinear')", 64) - prepare(raw, 64).pixels)
    assert difference.max() <= 2


def test_what_is_no_picture_is_told_in_words(blank: Page):
    code = "try { await m.pixelsOfFile(new File(['no picture'], 'x')); } catch (error) { return error.message; }"
    assert in_browser(blank, "pictures.js", code) == "This file is no picture that the browser can read."


@pytest.mark.parametrize("seed", range(4))
def test_boxes_are_found_and_suppressed_alike(blank: Page, seed: int):
    random = np.random.default_rng(seed)
    corners = random.uniform(0, 300, (400, 2))
    boxes = np.concatenate([corners, corners + random.uniform(5, 120, (400, 2))], axis=1).astype(np.float32)
    scores = random.uniform(0, 1, (400, 3)).astype(np.float32)
    wanted = detect(boxes, scores, 640, 480, size=320, threshold=0.5, nms_iou=0.6)
    options = {"width": 640, "height": 480, "side": 320, "threshold": 0.5, "nmsIou": 0.6}
    code = f"""const found = m.detect(new Float32Array({boxes.ravel().tolist()}), new Float32Array({scores.ravel().tolist()}),
        ["0", "1", "2"], {json.dumps(options)});
        return found.map(one => [Number(one.label), one.confidence, ...one.box]);"""
    found = np.array(in_browser(blank, "boxes.js", code))
    assert found[:, 0].astype(int).tolist() == wanted.labels.tolist()
    assert np.allclose(found[:, 1], wanted.scores, atol=1e-6)
    assert np.allclose(found[:, 2:], wanted.boxes, atol=1e-6)


@pytest.mark.parametrize("count", [1, 500, 3000, 4096, 7000, 200_000])
def test_a_sound_is_cut_alike(blank: Page, count: int):
    shape = WindowShape(8)
    samples = (np.sin(np.arange(count) ** 1.3) * 0.3).astype(np.float32)
    wanted = cut(samples, shape)
    code = f"""const samples = Float32Array.from({{length: {count}}}, (_, i) => Math.fround(Math.sin(i ** 1.3) * 0.3));
        const made = m.windows(samples, {shape.samples});
        return [made.count, ...Array.from(made.data.filter((_, i) => i % 97 === 0))];"""
    found = in_browser(blank, "sounds.js", code)
    assert found[0] == len(wanted)
    assert np.allclose(found[1:], wanted.ravel()[::97], atol=1e-4)
