"""Answers of a detector: picture bytes -> uint8 NHWC tensor; the network's boxes and scores -> objects with four points each (V-4)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.model import ModelManifest
from droplearn.scenarios.answering import ModelInput, Tensor, is_probability
from droplearn.scenarios.object_detection.boxes import NMS_IOU, detect, letterbox_image
from droplearn.scenarios.object_detection.reading import LIMITS
from droplearn.scenarios.pictures import decode_image

DEFAULT_THRESHOLD = 0.3
"""Confidence from which an object is told; `?threshold=` overrules it."""
DIGITS = 6


class BoxPredictor:
    """Predictor of this scenario."""

    output_type = "cv_common"

    def __init__(self, labels: Sequence[str], size: int, nms_iou: float) -> None:
        self._labels, self._size, self._nms_iou = list(labels), size, nms_iou

    def decode(self, raw: bytes) -> ModelInput:
        """`tensors`: (1, S, S, 3), uint8. `meta`: of the picture as a viewer shows it. Raises UndecodableImage."""
        picture = decode_image(raw, limits=LIMITS, short_side=self._size)
        return ModelInput({"image": letterbox_image(picture.image, self._size)[None]}, {"height": picture.height, "width": picture.width})

    def answer(self, outputs: Sequence[Tensor], meta: Mapping[str, int], options: Mapping[str, str]) -> list[dict[str, Any]]:
        """Objects of at least `threshold`, most confident first; `pos=relative|pixels`. Raises InvalidRequest, ValueError."""
        threshold, is_relative = threshold_of(options), _is_relative(options)
        boxes, scores = outputs[0][0], outputs[1][0]
        if scores.shape != (len(boxes), len(self._labels)) or not is_probability(scores) or not np.isfinite(boxes).all():
            raise ValueError(
                f"The network gave {boxes.shape} boxes and {scores.shape} scores that are no answer about {len(self._labels)} labels."
            )
        width, height = meta["width"], meta["height"]
        found = detect(boxes, scores, width, height, size=self._size, threshold=threshold, nms_iou=self._nms_iou)
        x, y = (1, 1) if is_relative else (width, height)
        places = (found.boxes.astype(float) * (x, y, x, y)).round(DIGITS).tolist()
        confidences = found.scores.astype(float).clip(max=1).round(DIGITS).tolist()
        return [
            {"label": self._labels[label], "conf": confidence, "pos": _corners(*place)}
            for place, confidence, label in zip(places, confidences, found.labels.tolist(), strict=True)
        ]

    def example(self) -> ModelInput:
        """A grey picture."""
        pixels = np.full((1, self._size, self._size, 3), 127, np.uint8)
        return ModelInput({"image": pixels}, {"height": self._size, "width": self._size})


def threshold_of(options: Mapping[str, str]) -> float:
    """`?threshold=X`, X from 0 to 1. Raises InvalidRequest."""
    text = options.get("threshold", "")
    try:
        value = float(text) if text else DEFAULT_THRESHOLD
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise InvalidRequest("request.invalid", f"threshold must be a number from 0 to 1, not {text[:20]!r}.", hint="Use ?threshold=0.3.")
    return value


def _is_relative(options: Mapping[str, str]) -> bool:
    text = options.get("pos", "") or "relative"
    if text not in ("relative", "pixels"):
        raise InvalidRequest("request.invalid", f"pos must be relative or pixels, not {text[:20]!r}.", hint="Use ?pos=pixels.")
    return text == "relative"


def _corners(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    """Left-top, right-top, right-bottom, left-bottom."""
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def load(model_dir: Path, manifest: ModelManifest) -> BoxPredictor:  # noqa: ARG001 (others read files there)
    """Raises InvalidRequest (`model.unusable`) when the manifest describes no detector."""
    if [t.name for t in manifest.inputs] != ["image"] or [t.name for t in manifest.outputs] != ["boxes", "scores"]:
        raise _unusable("it must have the input image and the outputs boxes and scores")
    shape = manifest.inputs[0].shape
    if len(shape) != 4 or shape[1] != shape[2] or shape[1] < 1 or manifest.inputs[0].dtype != "uint8":
        raise _unusable(f"its input must be uint8 [-1, S, S, 3], not {manifest.inputs[0].dtype} {shape}")
    if not manifest.labels or manifest.outputs[1].shape[-1] != len(manifest.labels):
        raise _unusable(f"its scores {manifest.outputs[1].shape} do not match its {len(manifest.labels)} labels")
    return BoxPredictor(manifest.labels, shape[1], float(manifest.preprocessing.get("nms_iou", NMS_IOU)))


def _unusable(why: str) -> InvalidRequest:
    return InvalidRequest("model.unusable", f"This is no model of object_detection: {why}.", hint="Train it again with this version.")
