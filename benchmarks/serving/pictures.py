"""Photo-like JPEGs made from a seed: octaves of smooth noise, edges and grain, so that a decoder works as on a photo of the same size."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SETS = {"small": (224, 224), "large": (2000, 1500)}
COUNT = {"small": 16, "large": 4}


def photo(width: int, height: int, seed: int) -> bytes:
    """JPEG of quality 88."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for cells, weight in ((3, 90), (9, 40), (30, 16), (90, 7)):
        coarse = rng.normal(0, 1, (cells, cells, 3)).astype(np.float32)
        layers = [Image.fromarray(coarse[..., c]).resize((width, height), Image.Resampling.BICUBIC) for c in range(3)]
        total += weight * np.stack([np.asarray(layer) for layer in layers], axis=-1)
    image = Image.fromarray((total + 128 + rng.normal(0, 4, total.shape)).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y, r = rng.integers(0, width), rng.integers(0, height), rng.integers(5, max(6, width // 6))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=tuple(int(v) for v in rng.integers(0, 255, 3)))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def pictures(name: str) -> list[bytes]:
    width, height = SETS[name]
    return [photo(width, height, seed) for seed in range(COUNT[name])]


def write_bodies(folder: Path, name: str) -> Path:
    """The same pictures as request bodies (V-2), one file each: `0.json`, `1.json`, ..."""
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    for number, raw in enumerate(pictures(name)):
        entry = {"name": "image", "type": "stream", "body": base64.b64encode(raw).decode()}
        (target / f"{number}.json").write_text(json.dumps({"dataArray": [entry]}))
    return target
