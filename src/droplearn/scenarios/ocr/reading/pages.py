"""A page as pixels: decoded, bounded in size, turned by quarters; lines cut out of it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from droplearn.scenarios.ocr.reading.detector import Quads
from droplearn.scenarios.pictures import ImageLimits, Pixels, decode

LIMITS = ImageLimits(max_pixels=50_000_000, min_side_px=8)
LONGEST_PAGE_SIDE = 4000
"""Pixels that lines are cut from: A4 at 340 dots an inch. More costs memory and gives the recogniser, which sees 48 rows, nothing."""
_SHORT_SIDE = 2000
_TALL = 1.5


@dataclass(frozen=True)
class Page:
    """`pixels` may be smaller than the picture, whose `height` and `width` a viewer would show."""

    pixels: Pixels
    height: int
    width: int


def decode_page(raw: bytes) -> Page:
    """Raises UndecodableImage."""
    picture = decode(raw, limits=LIMITS, short_side=_SHORT_SIDE)
    rows, columns = picture.pixels.shape[:2]
    scale = min(1.0, LONGEST_PAGE_SIDE / max(rows, columns))
    pixels = picture.pixels
    if scale < 1:
        pixels = cv2.resize(pixels, (max(1, round(columns * scale)), max(1, round(rows * scale))), interpolation=cv2.INTER_AREA).astype(
            np.uint8
        )
    return Page(pixels, picture.height, picture.width)


def turned(points: Quads, turn: int) -> Quads:
    """Relative points (..., 2) of a page after `turn` quarter turns against the clock (np.rot90)."""
    x, y = points[..., 0], points[..., 1]
    pairs = {0: (x, y), 1: (y, 1 - x), 2: (1 - x, 1 - y), 3: (1 - y, x)}[turn % 4]
    return np.stack(pairs, axis=-1).astype(np.float32)


def is_tall(quad: Quads) -> bool:
    """Higher than wide: a line of a page that lies on its side."""
    width, height = quad_size(quad)
    return height >= _TALL * width


def quad_size(quad: Quads) -> tuple[float, float]:
    """Width and height of (4, 2) points, in their unit."""
    sides = np.linalg.norm(quad - np.roll(quad, -1, axis=0), axis=1)
    return float(max(sides[0], sides[2])), float(max(sides[1], sides[3]))


def cut(pixels: Pixels, quad: Quads) -> Pixels:
    """The line in the quad (pixels), made straight."""
    width, height = (max(1, int(side)) for side in quad_size(quad))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), target)
    line = cv2.warpPerspective(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return line.astype(np.uint8)
