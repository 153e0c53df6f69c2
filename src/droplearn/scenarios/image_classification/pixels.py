"""From the bytes of a picture to the square that the network sees. The trainer and the server both use this file, so they cannot differ.

`prepare` is the whole way (bytes -> (S, S, 3)); `pictures.decode` and `fit` are its halves, for callers that keep the pixels in between.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from droplearn.scenarios.pictures import DEFAULT_LIMITS, DecodedImage, ImageLimits, Pixels, decode_image

CROP_FRACTION = 0.875
"""The centre that is kept, as a part of the short side. Source: EfficientNet-Lite's evaluation preprocessing (224 of 256)."""


def prepare(raw: bytes, size: int, *, limits: ImageLimits = DEFAULT_LIMITS) -> DecodedImage:
    """What the network is given: `pixels` are (size, size, 3). Raises UndecodableImage."""
    picture = decode_image(raw, limits=limits, short_side=short_side_for(size))
    return DecodedImage(_fit(picture.image, size), picture.height, picture.width)


def short_side_for(size: int) -> int:
    """The short side, in pixels, of the whole picture whose centre of `size` is kept."""
    return round(size / CROP_FRACTION)


def fit(pixels: Pixels, size: int) -> Pixels:
    """Short side to `short_side_for(size)`, centre cut to (size, size, 3); antialiased: Pillow's bicubic widens as it shrinks."""
    return _fit(Image.fromarray(pixels), size)


def _fit(image: Image.Image, size: int) -> Pixels:
    width, height = image.size
    kept = min(height, width) * size / short_side_for(size)
    left, top = (width - kept) / 2, (height - kept) / 2
    box = (left, top, left + kept, top + kept)
    return np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box))
