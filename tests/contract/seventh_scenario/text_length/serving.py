"""Answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from droplearn.contracts.model import ModelManifest
from droplearn.scenarios.answering import Answer


def nearest(means: Mapping[str, float], length: int) -> str:
    """The label whose mean is nearest."""
    return min(means, key=lambda label: abs(means[label] - length))


class LengthPredictor:
    """A PipelinePredictor."""

    output_type = "text_common"

    def __init__(self, means: Mapping[str, float]) -> None:
        self._means = means

    def predict(self, raw: bytes, options: Mapping[str, str]) -> Answer:
        """One label."""
        return Answer([{"label": nearest(self._means, len(raw)), "conf": 1.0}], {"bytes": len(raw)})

    def warm_up(self) -> None:
        """Nothing is loaded later."""
        self.predict(b"warm", {})


def load(model_dir: Path, manifest: ModelManifest) -> LengthPredictor:
    """Of a model's folder."""
    return LengthPredictor(json.loads((model_dir / "means.json").read_text()))
