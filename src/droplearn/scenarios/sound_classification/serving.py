"""Answers of a sound classifier: the bytes of a sound -> windows of samples; probabilities -> the most confident labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.model import ModelManifest
from droplearn.scenarios.answering import ModelInput, Tensor
from droplearn.scenarios.labelled_answers import LabelAnswers
from droplearn.scenarios.sound_classification.audio import DEFAULT_LIMITS, SAMPLE_RATE, SoundLimits, decode
from droplearn.scenarios.sound_classification.windows import WindowShape, cut


class SoundPredictor:
    """Predictor of this scenario."""

    output_type = "audio_common"

    def __init__(self, labels: Sequence[str], input_name: str, shape: WindowShape, limits: SoundLimits = DEFAULT_LIMITS) -> None:
        self._answers, self._input_name, self._shape, self._limits = LabelAnswers(labels), input_name, shape, limits

    def decode(self, raw: bytes) -> ModelInput:
        """`tensors`: (W, S), float32. `meta`: what was read of the sound. Raises UndecodableSound."""
        sound = decode(raw, self._limits)
        return ModelInput(
            {self._input_name: cut(sound.samples, self._shape)}, {"seconds": round(sound.seconds, 3), "sample_rate": sound.rate}
        )

    def answer(self, outputs: Sequence[Tensor], meta: Mapping[str, Any], options: Mapping[str, str]) -> list[dict[str, Any]]:  # noqa: ARG002
        """The `top` (default 5) most confident labels, best first; equals in label order. Raises InvalidRequest, ValueError."""
        return self._answers.answer(outputs[0], options)

    def example(self) -> ModelInput:
        """A tone."""
        tone = np.sin(np.arange(self._shape.samples) * 0.1).astype(np.float32)
        return ModelInput({self._input_name: tone[None]}, {"seconds": round(self._shape.seconds, 3), "sample_rate": SAMPLE_RATE})


def load(model_dir: Path, manifest: ModelManifest) -> SoundPredictor:  # noqa: ARG001 (others read files there)
    """Raises InvalidRequest (`model.unusable`) when the manifest describes no sound classifier."""
    if len(manifest.inputs) != 1 or len(manifest.outputs) != 1:
        raise _unusable("it must have one input and one output")
    windows, probabilities = manifest.inputs[0], manifest.outputs[0]
    shape = WindowShape.of_samples(windows.shape[-1])
    if windows.dtype != "float32" or len(windows.shape) != 2 or shape.frames < 1 or shape.samples != windows.shape[-1]:
        raise _unusable(f"its input must be float32 [-1, S] with whole frames, not {windows.dtype} {windows.shape}")
    if probabilities.shape[-1] != len(manifest.labels) or len(set(manifest.labels)) != len(manifest.labels) or not manifest.labels:
        raise _unusable(f"its output {probabilities.shape} does not match its {len(manifest.labels)} labels")
    if manifest.preprocessing.get("sample_rate", SAMPLE_RATE) != SAMPLE_RATE:
        raise _unusable(f"it was trained with another preprocessing: {manifest.preprocessing}")
    return SoundPredictor(manifest.labels, windows.name, shape)


def _unusable(why: str) -> InvalidRequest:
    return InvalidRequest("model.unusable", f"This is no model of sound_classification: {why}.", hint="Train it again with this version.")
