"""Answers of a tabular model: rows in, one class with its probabilities or one number per row out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from droplearn.contracts.errors import DropLearnError, InvalidRequest
from droplearn.contracts.model import ModelManifest
from droplearn.scenarios.answering import Answer, is_probability
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.tabular_prediction.columns.frame import Frame, frame_of_rows
from droplearn.scenarios.tabular_prediction.columns.plan import Plan
from droplearn.scenarios.tabular_prediction.columns.values import Mask
from droplearn.scenarios.tabular_prediction.members.ensemble import PIPELINE_FILE, Ensemble, Pipeline
from droplearn.scenarios.tabular_prediction.requests import check_types, read_rows

DIGITS = 6
SIGNIFICANT = 9


class TablePredictor:
    """PipelinePredictor of this scenario. `run`: a frame to answers (N, K or 1) and the cells of a wrong type."""

    output_type = "table_common"

    def __init__(self, pipeline: Pipeline, run: Callable[[Frame], tuple[Floats, Mapping[str, Mask]]]) -> None:
        self._pipeline, self._run = pipeline, run

    def predict(self, raw: bytes, options: Mapping[str, str]) -> Answer:  # noqa: ARG002 (there is none)
        """One entry of the body a row: `label`, `conf`, `probabilities`; or `value`. Raises as PipelinePredictor."""
        frame = read_rows(raw, self._pipeline.plan)
        answers, problems = self._run(frame)
        check_types(frame, problems)
        if self._pipeline.problem == "regression":
            return Answer(_values(answers[:, 0]), {"rows": frame.count})
        return Answer(_labels(answers, self._pipeline.decide(answers), self._pipeline.labels), {"rows": frame.count})

    def warm_up(self) -> None:
        """A row without a value."""
        self._run(empty_row(self._pipeline.plan))


def load(model_dir: Path, manifest: ModelManifest) -> TablePredictor:
    """Raises InvalidRequest (`model.unusable`) when the manifest describes no tabular model."""
    pipeline = load_pipeline(model_dir, manifest)
    return TablePredictor(pipeline, load_runner(model_dir, manifest, pipeline))


def load_pipeline(model_dir: Path, manifest: ModelManifest) -> Pipeline:
    """pipeline.json. Raises InvalidRequest (`model.unusable`)."""
    if PIPELINE_FILE not in {file.name for file in manifest.files}:
        raise _unusable(f"it has no {PIPELINE_FILE}")
    try:
        pipeline = Pipeline.from_json((model_dir / PIPELINE_FILE).read_bytes())
    except (DropLearnError, OSError) as error:
        raise _unusable(f"{PIPELINE_FILE} cannot be read: {error}") from error
    if pipeline.labels != manifest.labels:
        raise _unusable(f"{PIPELINE_FILE} has other labels than the manifest")
    return pipeline


def load_runner(model_dir: Path, manifest: ModelManifest, pipeline: Pipeline) -> Callable[[Frame], tuple[Floats, Mapping[str, Mask]]]:
    """Our ensemble, or AutoGluon's clone where the manifest has one. Raises InvalidRequest (`model.unusable`)."""
    known = {file.name for file in manifest.files}
    missing = [name for member in pipeline.members for name in member.files if name not in known]
    if missing:
        raise _unusable(f"the manifest does not list {missing[0]}")
    digests = {file.name: file.sha256 for file in manifest.files}

    def read(name: str) -> bytes:
        content = (model_dir / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != digests[name]:
            raise _unusable(f"{name} differs from its digest in the manifest")
        return content

    try:
        ensemble = Ensemble.load(pipeline, read)
    except DropLearnError:
        raise
    except Exception as error:  # CatBoost, LightGBM and numpy each have their own errors for damaged files
        raise _unusable(f"a member cannot be loaded: {error}"[:300]) from error
    return ensemble.predict


def empty_row(plan: Plan) -> Frame:
    """One row, all cells missing."""
    return frame_of_rows([{}], plan.used)


def _labels(answers: Floats, chosen: Integers, labels: list[str]) -> list[dict[str, Any]]:
    if not is_probability(answers):
        raise ValueError("The model gave values that are no probabilities.")
    rows = answers.clip(0, 1).round(DIGITS).tolist()
    return [
        {"label": labels[k], "conf": row[k], "probabilities": dict(zip(labels, row, strict=True))}
        for row, k in zip(rows, chosen.tolist(), strict=True)
    ]


def _values(answers: Floats) -> list[dict[str, Any]]:
    if not np.isfinite(answers).all():
        raise ValueError("The model gave a value that is no number.")
    return [{"value": float(f"{value:.{SIGNIFICANT}g}")} for value in answers.tolist()]


def _unusable(why: str) -> InvalidRequest:
    return InvalidRequest("model.unusable", f"This is no model of tabular_prediction: {why}.", hint="Train it again with this version.")
