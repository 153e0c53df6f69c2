"""Copies of a line as another scan or another hand would give it, and rendered lines for rehearsal."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from droplearn.scenarios.ocr.reading.recogniser import LINE_HEIGHT
from droplearn.scenarios.pictures import Pixels

_FONT_SIZES = (24, 40)


def augment(line: Pixels, rng: np.random.Generator, *, is_handwriting: bool) -> Pixels:
    """One changed copy, of about the same size."""
    found = line
    if rng.random() < (0.8 if is_handwriting else 0.5):
        found = _bend(found, rng, 0.35 if is_handwriting else 0.1)
    if rng.random() < 0.5:
        columns = max(8, round(found.shape[1] * rng.uniform(0.85, 1.2)))
        found = cv2.resize(found, (columns, found.shape[0]), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    if rng.random() < 0.3:
        found = cv2.GaussianBlur(found, (3, 3), rng.uniform(0.3, 1.0)).astype(np.uint8)
    if rng.random() < 0.2:
        found = (cv2.erode if rng.random() < 0.5 else cv2.dilate)(found, np.ones((2, 2), np.uint8)).astype(np.uint8)
    changed = (found.astype(np.float32) - 127) * rng.uniform(0.7, 1.25) + 127 + rng.uniform(-25, 25)
    if rng.random() < 0.5:
        changed += rng.normal(0, rng.uniform(1, 10), changed.shape)
    return np.clip(changed, 0, 255).astype(np.uint8)


def _bend(line: Pixels, rng: np.random.Generator, slant: float) -> Pixels:
    """Slanted, and waved a little: letters keep their order."""
    height, width = line.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    wave = rng.uniform(0, slant * 6) * np.sin(x / rng.uniform(25, 70) + rng.uniform(0, 6))
    sources = (x + rng.uniform(-slant, slant) * (y - height / 2)).astype(np.float32), (y + wave).astype(np.float32)
    return cv2.remap(line, *sources, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)


def rehearsal_lines(texts: Sequence[str], count: int, rng: np.random.Generator) -> list[tuple[Pixels, str]]:
    """Plain printed lines: words of the texts, numbers and prices, in Pillow's own font. What the untouched network reads well."""
    words = sorted({w for text in texts for w in text.split() if w.isascii() and len(w) < 20}) or ["Total", "Date", "Name"]
    lines = []
    for _ in range(count):
        said = [str(rng.choice(words)) for _ in range(rng.integers(1, 4))]
        if rng.random() < 0.4:
            said.append(f"{rng.uniform(0, 500):.2f}")
        if rng.random() < 0.2:
            said.append(f"{rng.integers(1, 29):02d}/{rng.integers(1, 13):02d}/{rng.integers(1990, 2030)}")
        lines.append((render(" ".join(said), rng), " ".join(said)))
    return lines


def render(text: str, rng: np.random.Generator) -> Pixels:
    """Dark on light, RGB."""
    font = ImageFont.load_default(float(rng.integers(*_FONT_SIZES)))
    left, top, right, bottom = font.getbbox(text)
    paper, ink = int(rng.integers(200, 256)), int(rng.integers(0, 90))
    image = Image.new("RGB", (max(8, int(right - left) + 12), max(8, int(bottom - top) + 10)), (paper,) * 3)
    ImageDraw.Draw(image).text((6 - left, 5 - top), text, (ink,) * 3, font)
    return np.asarray(image)


def at_line_height(line: Pixels) -> Pixels:
    """Resized to the recogniser's rows: what is kept of a line in memory."""
    columns = max(8, round(line.shape[1] * LINE_HEIGHT / line.shape[0]))
    method = cv2.INTER_AREA if line.shape[0] > LINE_HEIGHT else cv2.INTER_LINEAR
    return cv2.resize(line, (columns, LINE_HEIGHT), interpolation=method).astype(np.uint8)
