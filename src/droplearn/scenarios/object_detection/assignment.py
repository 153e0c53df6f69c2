"""Which points of the network answer for which true box, and the two losses in numpy (the trainer has them in torch; a test compares).

Assignment: points near the centre of a box, on the level that suits its size; of several boxes the smallest; every box has at least its
nearest point. Source: Tian et al., "FCOS", 2019, sections 3.1 and 3.2 (centre sampling as in the authors' later code).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from droplearn.networks.detector_plan import STRIDES, points
from droplearn.scenarios.learning.arrays import Floats, Integers

BACKGROUND, IGNORED = -1, -2
CENTRE_RADIUS = 1.5
"""In strides."""
_LOW, _HIGH = (0.0, 40.0, 96.0), (56.0, 128.0, 1e9)
"""Square root of a box's area, in pixels, that a level takes; neighbours overlap."""
_BEST_BELOW = (48.0, 112.0)
"""Up to the first: level 0; up to the second: level 1."""
LOCALIZATION_WEIGHT = 2.0
LEAST_QUALITY = 0.05
"""Target of a point whose box does not overlap at all yet."""
NEGATIVE_WEIGHT = 0.75


class Targets(NamedTuple):
    """`labels`: (P,) index, BACKGROUND or IGNORED; `boxes`: (P, 4) in pixels where there is a label."""

    labels: Integers
    boxes: Floats


class Losses(NamedTuple):
    """Sums over the points, to be divided by the number of points with a label."""

    classification: float
    localization: float
    positives: int


def assign(boxes: Floats, labels: Integers, is_ignored: Integers, size: int) -> Targets:
    """boxes: (G, 4) in pixels of the square of that side. Points within an ignored box are neither asked nor told."""
    centres, level = _grid(size)
    found, places = np.full(len(centres), BACKGROUND, np.int64), np.zeros((len(centres), 4), np.float32)
    is_ignored = is_ignored.astype(bool)
    if is_ignored.any():
        found[_inside(centres, boxes[is_ignored]).any(axis=1)] = IGNORED
    boxes, labels = boxes[~is_ignored], labels[~is_ignored]
    if not len(boxes):
        return Targets(found, places)
    size_of = np.sqrt(np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-6))
    fits = (size_of >= np.take(_LOW, level)[:, None]) & (size_of < np.take(_HIGH, level)[:, None])
    far = np.abs(centres[:, None] - (boxes[:, :2] + boxes[:, 2:]) / 2).max(axis=2)  # (P, G)
    is_candidate = fits & _inside(centres, boxes) & (far < CENTRE_RADIUS * np.take(STRIDES, level)[:, None])
    best_level = np.searchsorted(_BEST_BELOW, size_of, side="right")
    nearest = np.where(level[:, None] == best_level, far, np.inf).argmin(axis=0)
    is_candidate[nearest, np.arange(len(boxes))] = True
    chosen = np.where(is_candidate, size_of, np.inf).argmin(axis=1)
    has_box = is_candidate.any(axis=1)
    found[has_box], places[has_box] = labels[chosen[has_box]], boxes[chosen[has_box]]
    return Targets(found, places)


def losses(scores: Floats, boxes: Floats, targets: Targets) -> Losses:
    """Of one picture: scores (P, K), boxes (P, 4) in pixels.

    Classification: cross-entropy against the overlap that the point's own box reaches, hard points weighing more; localisation: GIoU.
    Source: Zhang et al., "VarifocalNet", 2021, equation 2 (positives weighted as in Li et al., "Generalized Focal Loss", 2020);
    Rezatofighi et al., "Generalized Intersection over Union", 2019.
    """
    positive = np.flatnonzero(targets.labels >= 0)
    overlap, generalised = _giou(boxes[positive], targets.boxes[positive])
    target = np.zeros_like(scores)
    target[positive, targets.labels[positive]] = overlap.clip(LEAST_QUALITY, 1)
    weight = np.where(target > 0, np.abs(target - scores) + 0.25, NEGATIVE_WEIGHT * scores**2)
    weight[targets.labels == IGNORED] = 0
    p = scores.clip(1e-7, 1 - 1e-7)
    entropy = -(target * np.log(p) + (1 - target) * np.log1p(-p))
    return Losses(float((entropy * weight).sum()), float(LOCALIZATION_WEIGHT * (1 - generalised).sum()), len(positive))


@cache
def _grid(size: int) -> tuple[Floats, Integers]:
    centres, strides = points(size)
    return centres, np.searchsorted(STRIDES, strides)


def _inside(centres: Floats, boxes: Floats) -> NDArray[np.bool_]:
    """(P, G)."""
    is_inside = (centres[:, None] > boxes[None, :, :2]) & (centres[:, None] < boxes[None, :, 2:])
    return np.asarray(is_inside.all(axis=2), np.bool_)


def _giou(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    """IoU and GIoU of pairs."""
    common = (np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])).clip(0).prod(axis=1)
    union = (one[:, 2:] - one[:, :2]).clip(0).prod(axis=1) + (other[:, 2:] - other[:, :2]).prod(axis=1) - common + 1e-6
    around = (np.maximum(one[:, 2:], other[:, 2:]) - np.minimum(one[:, :2], other[:, :2])).prod(axis=1) + 1e-6
    overlap = common / union
    return overlap, overlap - (around - union) / around
