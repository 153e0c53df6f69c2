"""What every model of an ensemble can do."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy as np

from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.tabular_prediction.columns.plan import Features

Kind = Literal["catboost", "lightgbm", "linear", "network", "autogluon"]
SUFFIXES: dict[Kind, str] = {"catboost": "cbm", "lightgbm": "txt", "linear": "npz", "network": "npz", "autogluon": "zip"}


class Model(Protocol):
    """A trained model; its methods are called by several threads at once."""

    def predict(self, features: Features) -> Floats:
        """(N, K) probabilities, or (N, 1) values of the scaled target."""
        ...

    def to_bytes(self) -> bytes:
        """The content of its file."""
        ...


def load_model(kind: Kind, content: bytes, label_count: int) -> Model:
    """label_count: 0 for a regression. Libraries are imported here: a linear model needs none."""
    if kind == "catboost":
        from droplearn.scenarios.tabular_prediction.members.catboost_model import CatBoostModel

        return CatBoostModel.load(content, label_count)
    if kind == "lightgbm":
        from droplearn.scenarios.tabular_prediction.members.lightgbm_model import LightGbmModel

        return LightGbmModel.load(content, label_count)
    if kind == "autogluon":
        from droplearn.scenarios.tabular_prediction.members.autogluon_model import AutoGluonModel

        return AutoGluonModel(content, label_count)
    from droplearn.scenarios.tabular_prediction.members.linear_model import LinearModel
    from droplearn.scenarios.tabular_prediction.members.network_model import NetworkModel

    arrays = arrays_of(content)
    return LinearModel(arrays, label_count) if kind == "linear" else NetworkModel(arrays, label_count)


def probabilities_of(raw: Floats, label_count: int) -> Floats:
    """From log-odds (N,) of two labels, or scores (N, K); values (N,) of a regression as (N, 1)."""
    if label_count == 0:
        return raw.reshape(-1, 1).astype(np.float64)
    if raw.ndim == 1:
        raw = np.column_stack([np.zeros_like(raw), raw])
    powers = np.exp(raw - raw.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def arrays_of(content: bytes) -> dict[str, Any]:
    """Of an .npz; objects (which would be pickles) are refused."""
    with np.load(io.BytesIO(content), allow_pickle=False) as saved:
        return {name: saved[name] for name in saved.files}


def bytes_of(arrays: Mapping[str, Any]) -> bytes:
    """The reverse."""
    written = io.BytesIO()
    np.savez(written, **{name: np.asarray(value) for name, value in arrays.items()})  # type: ignore[arg-type]
    return written.getvalue()
