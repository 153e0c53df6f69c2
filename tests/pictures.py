"""Small pictures that a model can tell apart within seconds, made from numbers alone."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {"circle": (200, 40, 40), "square": (40, 160, 60), "triangle": (50, 70, 210)}


def picture(label: str, seed: int, side_px: int = 96, kind: str = "JPEG") -> bytes:
    """A shape of the label's colour at a random place on a random grey."""
    random = np.random.default_rng([seed, sum(map(ord, label))])
    made = Image.new("RGB", (side_px, side_px), tuple(int(v) for v in random.integers(90, 200, 3)))
    draw = ImageDraw.Draw(made)
    size = int(random.integers(side_px // 3, side_px // 2))
    x, y = (int(v) for v in random.integers(4, side_px - size - 4, 2))
    colour = tuple(int(np.clip(c + random.integers(-25, 25), 0, 255)) for c in COLOURS.get(label, (120, 60, 160)))
    if label == "circle":
        draw.ellipse([x, y, x + size, y + size], fill=colour)
    elif label == "square":
        draw.rectangle([x, y, x + size, y + size], fill=colour)
    else:
        draw.polygon([(x + size // 2, y), (x, y + size), (x + size, y + size)], fill=colour)
    buffer = io.BytesIO()
    made.save(buffer, kind)
    return buffer.getvalue()


def hard_picture(label: str, seed: int, side_px: int = 96) -> bytes:
    """Noise with so weak a tint that no model gets all of them right: training goes on for as long as it may."""
    random = np.random.default_rng([seed, sum(map(ord, label)), 7])
    tint = np.array(COLOURS[label]) * 0.06
    noise = random.normal(110, 60, (side_px, side_px, 3)) + tint
    buffer = io.BytesIO()
    Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def write_folders(folder: Path, count: int, labels: tuple[str, ...] = ("circle", "square"), first_seed: int = 0) -> Path:
    """`<folder>/<label>/<n>.jpg`, `count` of each label."""
    for label in labels:
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (folder / label / f"{number}.jpg").write_bytes(picture(label, first_seed + number))
    return folder
