"""From the bytes of a picture to the square that the network sees. The trainer and the server both use this file, so they cannot differ.

`prepare` is the whole way (bytes -> (S, S, 3)); `pictures.decode` and `fit` are its halves, for callers that keep the pixels in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from PIL import Image

from droplearn.contracts.errors import InvalidRequest
from droplearn.scenarios.pictures import DEFAULT_LIMITS, DecodedImage, ImageLimits, Pixels, decode_image

CROP_FRACTION = 0.875
"""The centre that is kept, as a part of the short side. Source: EfficientNet-Lite's evaluation preprocessing (224 of 256)."""
Resample = Literal["bilinear", "bicubic"]
"""How pixels are made of others; both widen as they shrink, so nothing aliases. Bilinear as in training's random cuts, in two thirds of the
time. Bicubic: models that were made before.
"""
RESAMPLE: Resample = "bilinear"
_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def prepare(raw: bytes, size: int, *, limits: ImageLimits = DEFAULT_LIMITS, resample: Resample = RESAMPLE) -> DecodedImage:
    """What the network is given: `pixels` are (size, size, 3). Raises UndecodableImage."""
    picture = decode_image(raw, limits=limits, short_side=short_side_for(size))
    return DecodedImage(_fit(picture.image, size, resample), picture.height, picture.width)


def short_side_for(size: int) -> int:
    """The short side, in pixels, of the whole picture whose centre of `size` is kept."""
    return round(size / CROP_FRACTION)


def fit(pixels: Pixels, size: int) -> Pixels:
    """Short side to `short_side_for(size)`, centre cut to (size, size, 3)."""
    return _fit(Image.fromarray(pixels), size, RESAMPLE)


def resample_of(preprocessing: Mapping[str, Any]) -> Resample:
    """What a model's manifest says. Raises InvalidRequest (`model.unusable`)."""
    name: Resample = preprocessing.get("resample", "bicubic")
    if name not in _FILTERS:
        raise InvalidRequest(
            "model.unusable",
            f"This model wants {str(name)[:40]!r} for resampling; known: {', '.join(_FILTERS)}.",
            hint="Train it again with this version.",
        )
    return name


def _fit(image: Image.Image, size: int, resample: Resample) -> Pixels:
    width, height = image.size
    kept = min(height, width) * size / short_side_for(size)
    left, top = (width - kept) / 2, (height - kept) / 2
    box = (left, top, left + kept, top + kept)
    return np.asarray(image.resize((size, size), _FILTERS[resample], box=box))
