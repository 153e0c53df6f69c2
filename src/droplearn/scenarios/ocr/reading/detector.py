"""Where the text lines of a page are: PP-OCR's segmentation network and the way from its map to boxes.

Source: Liao et al., "Real-time Scene Text Detection with Differentiable Binarization", 2020; thresholds: rapidocr 3.10.0, config.yaml.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from droplearn.scenarios.ocr.reading.sessions import open_session
from droplearn.scenarios.pictures import Pixels

Quads = NDArray[np.float32]
"""(N, 4, 2): x and y in pixels of left-top, right-top, right-bottom, left-bottom."""

STRIDE = 32
SHORTEST_SIDE, LONGEST_SIDE = 736, 2000
_MOST_ENLARGED = 1.5
_TYPICAL_ASPECT, _LONGEST = 0.6, 3.0
"""A page is shrunk to the area of one whose short side is this part of the longest: a long receipt keeps more of its height, up to three
times the preset's side.
"""
_MAP_THRESHOLD, _BOX_THRESHOLD, _UNCLIP_RATIO, _MAX_BOXES, _MIN_SIDE = 0.3, 0.5, 1.6, 2000, 3


class Detector:
    """`find` is called by several threads at once. `longest_side`: to which a page of common shape is shrunk before it is looked at."""

    def __init__(self, network: bytes | Path, longest_side: int = LONGEST_SIDE) -> None:
        self._session, self._longest_side = open_session(network), longest_side
        self._input: str = self._session.get_inputs()[0].name

    def find(self, page: Pixels) -> Quads:
        """Boxes in no particular order, in pixels of `page`."""
        height, width = page.shape[:2]
        rows, columns = network_size(height, width, self._longest_side)
        shrinks = rows * columns < height * width
        resized = cv2.resize(page, (columns, rows), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        tensor = resized[:, :, ::-1].astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
        text_map: NDArray[np.float32] = self._session.run(None, {self._input: np.ascontiguousarray(tensor)})[0][0, 0]
        boxes = boxes_of(text_map)
        return boxes * np.array([width / columns, height / rows], np.float32)


def network_size(height: int, width: int, longest_side: int) -> tuple[int, int]:
    """Rows and columns that the network is given: multiples of its stride, small pages enlarged, large ones shrunk."""
    scale = min(_MOST_ENLARGED, max(1.0, SHORTEST_SIDE / min(height, width)))
    scale = min(scale, longest_side * (_TYPICAL_ASPECT / (height * width)) ** 0.5, _LONGEST * longest_side / max(height, width))
    return max(STRIDE, round(height * scale / STRIDE) * STRIDE), max(STRIDE, round(width * scale / STRIDE) * STRIDE)


def boxes_of(text_map: NDArray[np.float32]) -> Quads:
    """Rectangles (turned as the text is) around each region of the map, widened: the network marks the core of a line only."""
    mask = cv2.dilate((text_map > _MAP_THRESHOLD).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours: Any = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0]
    found = [box for contour in contours[:_MAX_BOXES] if (box := _box_of(contour, text_map)) is not None]
    return np.array(found, np.float32).reshape(-1, 4, 2)


def _box_of(contour: Any, text_map: NDArray[np.float32]) -> Quads | None:
    centre, (width, height), angle = cv2.minAreaRect(contour)
    if min(width, height) < _MIN_SIDE or _mean_inside(text_map, cv2.boxPoints((centre, (width, height), angle))) < _BOX_THRESHOLD:
        return None
    margin = width * height * _UNCLIP_RATIO / (2 * (width + height))
    return in_order(cv2.boxPoints((centre, (width + 2 * margin, height + 2 * margin), angle)).astype(np.float32))


def _mean_inside(text_map: NDArray[np.float32], points: Any) -> float:
    rows, columns = text_map.shape
    left, right = (int(np.clip(v, 0, columns - 1)) for v in (np.floor(points[:, 0].min()), np.ceil(points[:, 0].max())))
    top, bottom = (int(np.clip(v, 0, rows - 1)) for v in (np.floor(points[:, 1].min()), np.ceil(points[:, 1].max())))
    mask = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(mask, [(points - (left, top)).astype(np.int32)], 1)
    return float(cv2.mean(text_map[top : bottom + 1, left : right + 1], mask)[0])


def in_order(points: Quads) -> Quads:
    """Four corners as left-top, right-top, right-bottom, left-bottom."""
    by_x = points[np.argsort(points[:, 0], kind="stable")]
    left = by_x[:2][np.argsort(by_x[:2, 1], kind="stable")]
    right = by_x[2:][np.argsort(by_x[2:, 1], kind="stable")]
    return np.array([left[0], right[0], right[1], left[1]], np.float32)
