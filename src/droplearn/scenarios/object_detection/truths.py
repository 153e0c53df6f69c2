"""From an annotation in pixels to the arrays that metrics and losses take."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from droplearn.scenarios.annotation_formats.annotations import Annotation
from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.object_detection.metrics import Truth


def truth_of(annotation: Annotation, width: int, height: int, index: Mapping[str, int]) -> Truth:
    """What the annotation says about the labels of `index`."""
    known = [item for item in annotation.objects if item.name in index]
    pixels: Floats = np.array([tuple(item.box) for item in known], np.float32).reshape(-1, 4)
    boxes = (pixels / np.array([width, height] * 2, np.float32)).astype(np.float32)
    labels = np.array([index[item.name] for item in known], np.int64)
    return Truth(width, height, boxes, labels, np.array([item.is_difficult for item in known], np.int64))
