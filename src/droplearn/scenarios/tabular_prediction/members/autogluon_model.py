"""AutoGluon's clone for deployment: a folder in one zip. It holds pickles, so it is loaded only when the manifest's digest fits (the server
and `serving.load` check it) and under the very packages that it was trained with.
"""

from __future__ import annotations

import io
import json
import platform
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import finalize

import numpy as np

from droplearn.contracts.errors import InvalidRequest
from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.tabular_prediction.columns.plan import Features

VERSIONS_FILE = "versions.json"
PACKAGES = ("autogluon.tabular", "catboost", "lightgbm", "numpy", "pandas", "scikit-learn", "torch")
TARGET = "target"


class AutoGluonModel:
    """`content`: the zip. label_count: 0 for a regression. Unpacked and imported (many seconds) when it is first asked."""

    def __init__(self, content: bytes, label_count: int) -> None:
        self._content, self._label_count, self._lock = content, label_count, Lock()
        self._predictor: Any = None
        check_versions(content)

    def predict(self, features: Features) -> Floats:
        """As Model."""
        with self._lock:  # AutoGluon does not say that its predictors may be shared by threads
            predictor = self._predictor = self._predictor or self._load()
            frame = frame_of(features)
            if not self._label_count:
                values: Floats = predictor.predict(frame).to_numpy(dtype=np.float64)[:, None]
                return values
            return in_order(predictor.predict_proba(frame), self._label_count)

    def to_bytes(self) -> bytes:
        """The zip as it was given."""
        return self._content

    def _load(self) -> Any:
        from autogluon.tabular import TabularPredictor

        folder = tempfile.mkdtemp(prefix="autogluon-")
        finalize(self, shutil.rmtree, folder, ignore_errors=True)
        with zipfile.ZipFile(io.BytesIO(self._content)) as archive:
            archive.extractall(folder)
        predictor = TabularPredictor.load(folder, verbosity=0)
        predictor.persist()
        return predictor


def frame_of(features: Features) -> Any:
    """A DataFrame: n0, n1, ... numbers; c0, c1, ... categories."""
    import pandas as pd

    columns: dict[str, Any] = {f"n{i}": column for i, column in enumerate(features.numbers.T)}
    columns |= {f"c{i}": pd.Series(column).astype(str).astype("category") for i, column in enumerate(features.codes.T)}
    return pd.DataFrame(columns)


def in_order(answers: Any, label_count: int) -> Floats:
    """(N, K): a label that AutoGluon has not seen gets 0."""
    ordered = np.zeros((len(answers), label_count))
    for label in answers.columns:
        ordered[:, int(label)] = answers[label].to_numpy()
    return ordered


def installed_versions() -> dict[str, str]:
    """Of Python and the packages whose pickles are inside; "" where one is not installed."""
    return {"python": platform.python_version().rpartition(".")[0]} | {name: _version(name) for name in PACKAGES}


def check_versions(content: bytes) -> None:
    """Raises InvalidRequest (`model.unusable`), naming what differs."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            wanted: Mapping[str, str] = json.loads(archive.read(VERSIONS_FILE))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise InvalidRequest("model.unusable", f"The AutoGluon part is damaged: {error}", hint="Train the model again.") from error
    found = installed_versions()
    differing = [f"{name} {wanted[name]} (here {found.get(name) or 'not installed'})" for name in wanted if wanted[name] != found.get(name)]
    if differing:
        raise InvalidRequest(
            "model.unusable",
            f"This model was trained with other packages: {', '.join(differing)}.",
            hint="Serve it with the image of the version that trained it, or train it again (preset high_performance has no such tie).",
        )


def pack(folder: Path) -> bytes:
    """A zip of all files, stored, in a fixed order and without times: equal folders give equal bytes."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(f for f in folder.rglob("*") if f.is_file()):
            archive.writestr(zipfile.ZipInfo(str(file.relative_to(folder))), file.read_bytes())
    return written.getvalue()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
