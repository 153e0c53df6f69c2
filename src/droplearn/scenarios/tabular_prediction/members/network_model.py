"""A small neural network that is several at once: they share their weights but for a scale of each neuron's inputs and outputs.

Source: Gorishniy et al., "TabM: Advancing Tabular Deep Learning with Parameter-Efficient Ensembling", 2025. Here only numpy: the
trainer has the same in torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.tabular_prediction.columns.plan import Features
from droplearn.scenarios.tabular_prediction.members.expansion import Expansion
from droplearn.scenarios.tabular_prediction.members.model import bytes_of, probabilities_of

_CHUNK = 2048


class NetworkModel:
    """arrays: of layer i `weight_i` (in, out), `scale_in_i` (M, in), `scale_out_i` (M, out), `bias_i` (M, out); the last one's have M
    heads: `head` (M, in, K or 1), `head_bias` (M, K or 1).
    """

    def __init__(self, arrays: Mapping[str, Any], label_count: int) -> None:
        self._arrays, self._label_count, self._expansion = dict(arrays), label_count, Expansion.load(arrays)
        self._depth = sum(name.startswith("weight_") for name in arrays)

    def predict(self, features: Features) -> Floats:
        """As Model: the mean over the M."""
        inputs = self._expansion.expand(features)
        return np.concatenate([self._forward(inputs[i : i + _CHUNK]) for i in range(0, max(len(inputs), 1), _CHUNK)])

    def to_bytes(self) -> bytes:
        """An .npz."""
        return bytes_of(self._arrays)

    def _forward(self, inputs: Floats) -> Floats:
        told = self._arrays
        hidden: Floats = inputs[None]  # (1 or M, N, in)
        for i in range(self._depth):
            hidden = (hidden * told[f"scale_in_{i}"][:, None]) @ told[f"weight_{i}"]
            hidden = np.maximum(hidden * told[f"scale_out_{i}"][:, None] + told[f"bias_{i}"][:, None], 0)
        raw = hidden @ told["head"] + told["head_bias"][:, None]  # (M, N, K)
        each = [probabilities_of(part if self._label_count else part[:, 0], self._label_count) for part in raw]
        mean: Floats = np.mean(each, axis=0)
        return mean
