"""Training views: a picture, or four of them, at a random scale and place, mirrored, recoloured. Deterministic for a generator.

Source: Bochkovskiy et al., "YOLOv4", 2020 (mosaic); Liu et al., "SSD", 2016 (scale and crop).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.object_detection.boxes import PADDING
from droplearn.scenarios.pictures import Pixels

MOSAIC_SHARE = 0.4
_SCALE, _MOSAIC_SCALE = (0.6, 1.6), (0.4, 0.9)
"""Of the size at which the picture just fits."""
_LOG_STRETCH = 0.12
_KEPT, _FORGOTTEN = 0.35, 0.05
"""A box of which less than the first part is left is not asked for; less than the second: as if it were not there."""
_MIN_SIDE_PX = 3.0


class Subject(NamedTuple):
    """A picture with its boxes (G, 4), parts of its sides."""

    pixels: Pixels
    boxes: Floats
    labels: Integers
    is_ignored: Integers


class View(NamedTuple):
    """(S, S, 3), and boxes (G, 4) in its pixels."""

    pixels: Pixels
    boxes: Floats
    labels: Integers
    is_ignored: Integers


class _Tile(NamedTuple):
    """A part of the view: x0, y0, x1, y1 in pixels."""

    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True)
class Augmentation:
    """`mosaic`: the share of views made of four pictures."""

    size: int
    mosaic: float = MOSAIC_SHARE

    def view(self, subject: Subject, others: Callable[[int], Subject], count: int, random: np.random.Generator) -> View:
        """others(i): another picture, i below count."""
        if random.random() < self.mosaic:
            four = [subject, *(others(int(i)) for i in random.integers(count, size=3))]
            made = self._mosaic(four, random)
        else:
            made = self._compose([(subject, _Tile(0, 0, self.size, self.size))], _SCALE, random)
        if random.random() < 0.5:
            made = _mirrored(made)
        return made._replace(pixels=recoloured(made.pixels, random))

    def _mosaic(self, subjects: Sequence[Subject], random: np.random.Generator) -> View:
        size = self.size
        x, y = (int(v) for v in random.uniform(0.35, 0.65, 2) * size)
        tiles = [_Tile(0, 0, x, y), _Tile(x, 0, size, y), _Tile(0, y, x, size), _Tile(x, y, size, size)]
        return self._compose(list(zip(subjects, tiles, strict=True)), _MOSAIC_SCALE, random)

    def _compose(self, parts: Sequence[tuple[Subject, _Tile]], scales: tuple[float, float], random: np.random.Generator) -> View:
        canvas = np.full((self.size, self.size, 3), PADDING, np.uint8)
        found = [self._place(canvas, subject, tile, scales, random) for subject, tile in parts]
        boxes, labels, ignored = (np.concatenate([part[i] for part in found]) for i in range(3))
        return View(canvas, boxes, labels, ignored)

    def _place(
        self, canvas: Pixels, subject: Subject, tile: _Tile, scales: tuple[float, float], random: np.random.Generator
    ) -> tuple[Floats, Integers, Integers]:
        """Draws the picture into the tile, at a scale relative to the whole view; the tile cuts off what is beyond it."""
        height, width = subject.pixels.shape[:2]
        scale = self.size / max(width, height) * math.exp(random.uniform(math.log(scales[0]), math.log(scales[1])))
        stretch = math.exp(random.uniform(-_LOG_STRETCH, _LOG_STRETCH))
        w, h = width * scale * stretch, height * scale / stretch
        room_x, room_y = tile.x1 - tile.x0 - w, tile.y1 - tile.y0 - h
        left = tile.x0 + random.uniform(min(0.0, room_x), max(0.0, room_x))
        top = tile.y0 + random.uniform(min(0.0, room_y), max(0.0, room_y))
        _draw(canvas, subject.pixels, (left, top, w, h), tile)
        boxes = subject.boxes * np.array([w, h, w, h], np.float32) + np.array([left, top, left, top], np.float32)
        return _cut(boxes, subject.labels, subject.is_ignored, tile)


def recoloured(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Brightness, contrast, saturation and tint of eight pictures in ten; one in twenty turns grey."""
    chance, grey = random.random(), random.random() < 0.05
    gain, saturation, shift = random.uniform(0.65, 1.35), random.uniform(0.6, 1.4), random.uniform(-25, 25)
    tint = random.uniform(0.92, 1.08, 3).astype(np.float32)
    if chance > 0.8:
        return pixels
    x = pixels.astype(np.float32)
    luma = x.mean(axis=2, keepdims=True)
    x = luma + (x - luma) * np.float32(0.0 if grey else saturation)
    return (x * (tint * np.float32(gain)) + np.float32(shift)).clip(0, 255).astype(np.uint8)


def _draw(canvas: Pixels, pixels: Pixels, place: tuple[float, float, float, float], tile: _Tile) -> None:
    left, top, w, h = place
    x0, y0 = max(tile.x0, math.floor(left)), max(tile.y0, math.floor(top))
    x1, y1 = min(tile.x1, math.ceil(left + w)), min(tile.y1, math.ceil(top + h))
    if x1 <= x0 or y1 <= y0:
        return
    height, width = pixels.shape[:2]
    across, down = width / w, height / h
    box = ((x0 - left) * across, (y0 - top) * down, (x1 - left) * across, (y1 - top) * down)
    box = (max(box[0], 0.0), max(box[1], 0.0), min(box[2], float(width)), min(box[3], float(height)))
    if box[2] - box[0] > 0 and box[3] - box[1] > 0:
        canvas[y0:y1, x0:x1] = np.asarray(Image.fromarray(pixels).resize((x1 - x0, y1 - y0), Image.Resampling.BILINEAR, box=box))


def _cut(boxes: Floats, labels: Integers, is_ignored: Integers, tile: _Tile) -> tuple[Floats, Integers, Integers]:
    """Boxes as far as they lie in the tile; those of which too little is left are ignored."""
    whole = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-6)
    cut = np.stack(
        [
            boxes[:, 0].clip(tile.x0, tile.x1),
            boxes[:, 1].clip(tile.y0, tile.y1),
            boxes[:, 2].clip(tile.x0, tile.x1),
            boxes[:, 3].clip(tile.y0, tile.y1),
        ],
        axis=1,
    )
    sides = cut[:, 2:] - cut[:, :2]
    share = sides.prod(axis=1) / whole
    is_there = share > _FORGOTTEN
    is_poor = (share < _KEPT) | (sides.min(axis=1) < _MIN_SIDE_PX)
    return cut[is_there].astype(np.float32), labels[is_there], (is_ignored.astype(bool) | is_poor)[is_there].astype(np.int64)


def _mirrored(view: View) -> View:
    size = view.pixels.shape[1]
    boxes = view.boxes.copy()
    boxes[:, [0, 2]] = size - boxes[:, [2, 0]]
    return view._replace(pixels=np.ascontiguousarray(view.pixels[:, ::-1]), boxes=boxes)
