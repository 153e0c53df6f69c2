"""From a picture to the square that the network sees, and from the network's outputs to objects. Trainer, evaluator and server all use
this file, so they cannot differ. Boxes are (N, 4) float32: left, top, right, bottom.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.pictures import Pixels

PADDING = 114
"""Grey that fills what the picture leaves free. Source: Redmon's and Jocher's YOLO implementations."""
MAX_CANDIDATES = 500
"""Boxes that are compared with each other, the most confident."""
MAX_DETECTIONS = 100
"""On one picture. Source: COCO's detection metrics, AR max=100."""
NMS_IOU = 0.6


class Detections(NamedTuple):
    """Most confident first. `boxes`: (N, 4), parts of the picture's sides, within [0, 1]."""

    boxes: Floats
    scores: Floats
    labels: Integers


def letterbox(pixels: Pixels, size: int) -> Pixels:
    """The whole picture in the left-top corner of a (size, size, 3) square, its long side filling it; antialiased."""
    return letterbox_image(Image.fromarray(pixels), size)


def letterbox_image(image: Image.Image, size: int) -> Pixels:
    """As `letterbox`, of an RGB image."""
    width, height = fitted(image.width, image.height, size)
    shown = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    if width == height:
        return shown
    canvas = np.full((size, size, 3), PADDING, np.uint8)
    canvas[:height, :width] = shown
    return canvas


def fitted(width: int, height: int, size: int) -> tuple[int, int]:
    """Width and height of the picture in the square, at least 1."""
    scale = size / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def detect(boxes: Floats, scores: Floats, width: int, height: int, *, size: int, threshold: float, nms_iou: float = NMS_IOU) -> Detections:
    """Objects on one picture of width x height pixels. boxes: (P, 4) in pixels of the square; scores: (P, K)."""
    point, label = np.nonzero(scores >= threshold)
    confidence = scores[point, label]
    order = np.argsort(-confidence, kind="stable")[:MAX_CANDIDATES]
    point, label, confidence = point[order], label[order], confidence[order]
    fitted_size = np.array(fitted(width, height, size) * 2, np.float32)
    places = (boxes[point] / fitted_size).clip(0, 1)
    kept = suppress(places * fitted_size, label, nms_iou)[:MAX_DETECTIONS]
    return Detections(places[kept], confidence[kept], label[kept])


def suppress(boxes: Floats, labels: Integers, nms_iou: float) -> Integers:
    """Indices of the boxes that no better one of their label overlaps by more than `nms_iou`. boxes: most confident first."""
    overlaps = (iou(boxes, boxes) > nms_iou) & (labels[:, None] == labels[None, :])
    is_kept: NDArray[np.bool_] = np.ones(len(boxes), bool)
    for i in range(len(boxes)):
        if is_kept[i]:
            is_kept[i + 1 :] &= ~overlaps[i, i + 1 :]
    return np.flatnonzero(is_kept)


def iou(one: Floats, other: Floats) -> Floats:
    """(N, M) intersection over union."""
    left, top, right, bottom = one.T[:, :, None]  # each (N, 1): side by side in memory numpy is three times as fast as corner by corner
    width = (np.minimum(right, other[:, 2]) - np.maximum(left, other[:, 0])).clip(0)
    height = (np.minimum(bottom, other[:, 3]) - np.maximum(top, other[:, 1])).clip(0)
    common = width * height
    union = area(one)[:, None] + area(other)[None, :] - common
    shares: Floats = common / np.maximum(union, 1e-12)
    return shares


def area(boxes: Floats) -> Floats:
    """(N,)."""
    areas: Floats = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return areas
