"""Answers of an image classifier: picture bytes -> uint8 NHWC tensor; probabilities -> the most confident labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.model import ModelManifest
from droplearn.scenarios.answering import ModelInput, Tensor
from droplearn.scenarios.image_classification.pixels import CROP_FRACTION, RESAMPLE, Resample, prepare, resample_of
from droplearn.scenarios.labelled_answers import LabelAnswers
from droplearn.scenarios.pictures import DEFAULT_LIMITS, ImageLimits


class LabelPredictor:
    """Predictor of this scenario."""

    output_type = "cv_common"

    def __init__(
        self, labels: Sequence[str], input_name: str, size: int, limits: ImageLimits = DEFAULT_LIMITS, resample: Resample = RESAMPLE
    ) -> None:
        self._answers, self._input_name, self._size, self._limits, self._resample = LabelAnswers(labels), input_name, size, limits, resample

    def decode(self, raw: bytes) -> ModelInput:
        """`tensors`: (1, S, S, 3), uint8. `meta`: of the picture as a viewer shows it. Raises UndecodableImage."""
        picture = prepare(raw, self._size, limits=self._limits, resample=self._resample)
        return ModelInput({self._input_name: picture.pixels[None]}, {"height": picture.height, "width": picture.width})

    def answer(self, outputs: Sequence[Tensor], meta: Mapping[str, int], options: Mapping[str, str]) -> list[dict[str, Any]]:  # noqa: ARG002
        """The `top` (default 5) most confident labels, best first; equals in label order. Raises InvalidRequest, ValueError."""
        return self._answers.answer(outputs[0], options)

    def example(self) -> ModelInput:
        """A grey picture."""
        return ModelInput(
            {self._input_name: np.full((1, self._size, self._size, 3), 127, np.uint8)}, {"height": self._size, "width": self._size}
        )


def load(model_dir: Path, manifest: ModelManifest) -> LabelPredictor:  # noqa: ARG001 (others read files there)
    """Raises InvalidRequest (`model.unusable`) when the manifest describes no image classifier."""
    if len(manifest.inputs) != 1 or len(manifest.outputs) != 1:
        raise _unusable("it must have one input and one output")
    image, probabilities = manifest.inputs[0], manifest.outputs[0]
    if image.dtype != "uint8" or len(image.shape) != 4 or image.shape[1] != image.shape[2] or image.shape[1] < 1 or image.shape[3] != 3:
        raise _unusable(f"its input must be uint8 [-1, S, S, 3], not {image.dtype} {image.shape}")
    if probabilities.shape[-1] != len(manifest.labels) or len(set(manifest.labels)) != len(manifest.labels) or not manifest.labels:
        raise _unusable(f"its output {probabilities.shape} does not match its {len(manifest.labels)} labels")
    told = manifest.preprocessing
    if told.get("size", image.shape[1]) != image.shape[1] or told.get("crop_fraction", CROP_FRACTION) != CROP_FRACTION:
        raise _unusable(f"it was trained with another preprocessing: {told}")
    return LabelPredictor(manifest.labels, image.name, image.shape[1], resample=resample_of(told))


def _unusable(why: str) -> InvalidRequest:
    return InvalidRequest("model.unusable", f"This is no model of image_classification: {why}.", hint="Train it again with this version.")
