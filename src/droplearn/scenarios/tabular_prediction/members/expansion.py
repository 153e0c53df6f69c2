"""Features for models that add and multiply: every column between 0 and 1, nothing missing.

A number becomes its place among quantiles (piecewise linear encoding), a category one column per code.
Source: Gorishniy et al., "On Embeddings for Numerical Features in Tabular Deep Learning", 2022, section 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.tabular_prediction.columns.plan import Features

MAX_CODES = 300
"""Of one categorical feature that get a column; the others share the column of unknown values."""
_UNKNOWN = 1


@dataclass(frozen=True)
class Expansion:
    """edges: (D, B + 1), a row's spare places repeat its last edge. sizes: (C,) columns of each categorical feature."""

    edges: Floats
    sizes: Integers

    @classmethod
    def of(cls, features: Features, bins: int) -> Expansion:
        """Quantiles of these rows."""
        edges = np.zeros((features.numbers.shape[1], bins + 1))
        for i, column in enumerate(features.numbers.T):
            known = column[~np.isnan(column)]
            found = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1))) if len(known) else np.zeros(1)
            edges[i] = np.pad(found, (0, bins + 1 - len(found)), mode="edge")
        largest = features.codes.max(axis=0, initial=_UNKNOWN) + 1
        return cls(edges, np.minimum(largest, MAX_CODES + 2).astype(np.int64))

    @classmethod
    def load(cls, arrays: Mapping[str, Any]) -> Expansion:
        """The reverse of `arrays`."""
        return cls(arrays["edges"], arrays["sizes"])

    def arrays(self) -> dict[str, Any]:
        """What is saved."""
        return {"edges": self.edges, "sizes": self.sizes}

    def expand(self, features: Features) -> Floats:
        """(N, D * (B + 1) + sum of sizes), float32: per number its bins and whether it is missing."""
        rows = len(features)
        low, width = self.edges[:, :-1], np.diff(self.edges, axis=1)
        values = features.numbers[:, :, None]
        is_missing = np.isnan(values)
        shares = np.where(width > 0, np.clip((np.where(is_missing, 0, values) - low) / np.where(width > 0, width, 1), 0, 1), 0)
        numbers = np.concatenate([np.where(is_missing, 0, shares), is_missing], axis=2).reshape(rows, -1)
        starts = np.concatenate([[0], np.cumsum(self.sizes)])[:-1]
        codes = np.where(features.codes < self.sizes, features.codes, _UNKNOWN) + starts
        hot = np.zeros((rows, int(self.sizes.sum())), np.float32)
        if codes.size:
            hot[np.arange(rows)[:, None], codes] = 1
        return np.concatenate([numbers.astype(np.float32), hot], axis=1)
