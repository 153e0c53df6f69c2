"""Logistic or ridge regression on expanded features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.tabular_prediction.columns.plan import Features
from droplearn.scenarios.tabular_prediction.members.expansion import Expansion
from droplearn.scenarios.tabular_prediction.members.model import bytes_of, probabilities_of


class LinearModel:
    """arrays: `weight` (F, K or 1), `bias` (K or 1,), and those of the expansion."""

    def __init__(self, arrays: Mapping[str, Any], label_count: int) -> None:
        self._arrays, self._label_count, self._expansion = dict(arrays), label_count, Expansion.load(arrays)

    def predict(self, features: Features) -> Floats:
        """As Model."""
        return probabilities_of(self._expansion.expand(features) @ self._arrays["weight"] + self._arrays["bias"], self._label_count)

    def to_bytes(self) -> bytes:
        """An .npz."""
        return bytes_of(self._arrays)
