"""A CatBoost model in its own binary format (.cbm)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import catboost
import numpy as np

from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.tabular_prediction.columns.plan import Features
from droplearn.scenarios.tabular_prediction.members.model import probabilities_of

_FEW = 64
"""Below, pandas costs more than it gains."""


class CatBoostModel:
    """label_count: 0 for a regression."""

    def __init__(self, trained: Any, label_count: int) -> None:
        self._trained, self._label_count = trained, label_count

    @classmethod
    def load(cls, content: bytes, label_count: int) -> CatBoostModel:
        """Of a .cbm file's content."""
        return cls(catboost.CatBoost().load_model(blob=content), label_count)

    def predict(self, features: Features) -> Floats:
        """As Model."""
        raw = self._trained.predict(pool(features), prediction_type="RawFormulaVal", thread_count=1 if len(features) <= _FEW else -1)
        return probabilities_of(np.asarray(raw), self._label_count)

    def to_bytes(self) -> bytes:
        """CatBoost writes files only."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.cbm"
            self._trained.save_model(str(file), format="cbm")
            return file.read_bytes()


def pool(features: Features, y: Any = None) -> Any:
    """A catboost.Pool: numbers first, then the codes as categories."""
    if len(features) <= _FEW and y is None:
        return catboost.Pool(_features_data(features))
    import pandas as pd

    count = features.numbers.shape[1]
    columns: dict[str, Any] = {str(i): features.numbers[:, i].astype(np.float32) for i in range(count)}
    columns |= {str(count + i): features.codes[:, i] for i in range(features.codes.shape[1])}
    return catboost.Pool(pd.DataFrame(columns), y, cat_features=list(range(count, len(columns))))


def _features_data(features: Features) -> Any:
    codes = np.empty(features.codes.shape, dtype=object)
    codes[:] = [[str(code).encode() for code in row] for row in features.codes.tolist()] if codes.size else codes
    return catboost.FeaturesData(
        num_feature_data=features.numbers.astype(np.float32) if features.numbers.shape[1] else None,
        cat_feature_data=codes if features.codes.shape[1] else None,
    )
