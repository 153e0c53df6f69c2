"""Pictures for tests: small, made on the spot, different in every pixel."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def scene(width: int = 96, height: int = 64, seed: int = 0) -> Image.Image:
    """A smooth colour gradient with a little noise, like a photo to a compressor."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    colours = np.stack([255 * x / width, 255 * y / height, 128 + 90 * np.sin((x + y) / 17)], axis=-1)
    return Image.fromarray((colours + rng.normal(0, 6, colours.shape)).clip(0, 255).astype(np.uint8))


def encode(image: Image.Image, file_format: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def bomb(side: int = 20_000) -> bytes:
    """A valid PNG of side x side pixels in a few kilobytes."""
    return encode(Image.new("1", (side, side)), "PNG", compress_level=9)
