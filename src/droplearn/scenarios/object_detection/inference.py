"""Runs a detector's ONNX graph over pictures, in the calling thread. Evaluator and trainer use it; the server has its own pool."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.learning.onnx_session import open_session
from droplearn.scenarios.pictures import Pixels

LOWEST_SCORE = 0.01
"""Below, a detection cannot change the average precision that is shown."""


class Graph:
    """An ONNX graph with the input `image`; threads may share it. `size`: side of its input in pixels."""

    def __init__(self, model: bytes | Path) -> None:
        self._session = open_session(model)
        self.size: int = self._session.get_inputs()[0].shape[1]

    def early(self, pixels: Pixels) -> Floats:
        """Of an early graph: (B, S, S, 3) uint8 to features (B, C, S/8, S/8)."""
        features: Floats = self._session.run(["features"], {"image": pixels})[0]
        return features

    def detect(self, pixels: Pixels) -> tuple[Floats, Floats]:
        """Of a detector: (S, S, 3) uint8 to boxes (P, 4) in pixels of the square and scores (P, K)."""
        boxes, scores = self._session.run(["boxes", "scores"], {"image": np.ascontiguousarray(pixels[None])})
        return boxes[0], scores[0]
