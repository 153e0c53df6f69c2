"""A LightGBM model in its own text format."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np

from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.tabular_prediction.columns.plan import Features
from droplearn.scenarios.tabular_prediction.members.model import probabilities_of

_FEW = 64


class LightGbmModel:
    """label_count: 0 for a regression."""

    def __init__(self, trained: Any, label_count: int) -> None:
        self._trained, self._label_count = trained, label_count

    @classmethod
    def load(cls, content: bytes, label_count: int) -> LightGbmModel:
        """Of a model file's content."""
        return cls(lightgbm.Booster(model_str=content.decode("utf-8")), label_count)

    def predict(self, features: Features) -> Floats:
        """As Model."""
        raw = self._trained.predict(matrix(features), raw_score=True, num_threads=1 if len(features) <= _FEW else 0)
        return probabilities_of(np.asarray(raw), self._label_count)

    def to_bytes(self) -> bytes:
        """Text."""
        text: str = self._trained.model_to_string()
        return text.encode("utf-8")


def matrix(features: Features) -> Floats:
    """(N, D + C): numbers first, then the codes."""
    return np.concatenate([features.numbers, features.codes.astype(np.float64)], axis=1)
