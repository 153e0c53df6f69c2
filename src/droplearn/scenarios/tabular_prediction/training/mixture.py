"""A mixture of members: weights, calibration, scores on held-out rows, and the files of the model that it is."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from droplearn.scenarios.learning import DraftFile
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.learning.calibration import fit_temperature
from droplearn.scenarios.tabular_prediction.members.ensemble import PIPELINE_FILE, MemberSpec, Pipeline
from droplearn.scenarios.tabular_prediction.metrics import classification_scores, regression_scores
from droplearn.scenarios.tabular_prediction.training.label_weights import fit_label_weights
from droplearn.scenarios.tabular_prediction.training.library import Member
from droplearn.scenarios.tabular_prediction.training.rows import LearningRows
from droplearn.scenarios.tabular_prediction.training.selection import select

HELD_OUT_FILE = "held_out.parquet"
MAX_MODELS = 64
"""More cost time at every answer (0.05 to 0.2 ms each) and gain nothing that can be measured."""


@dataclass(frozen=True)
class Mixture:
    """`answers`: (n, K) calibrated probabilities or (n, 1) values, for `rows`. `loss`: what selection compares."""

    members: Sequence[Member]
    weights: Sequence[float]
    pipeline: Pipeline
    rows: Integers
    answers: Floats
    loss: float
    scores: Mapping[str, float]

    def files(self) -> list[DraftFile]:
        """All but the held-out predictions."""
        models = [DraftFile(name, "member", content) for member in self.members for name, content in member.files()]
        return [DraftFile(PIPELINE_FILE, "pipeline", self.pipeline.to_json().encode()), *models]


def mix(members: Sequence[Member], rows: LearningRows, seed: int) -> Mixture:
    """Of members that held out the same rows."""
    held_out = members[0].rows
    weights = select({m.name: m.predictions for m in members}, rows.problem, held_out, seed)
    kept = sorted(weights, key=lambda name: -weights[name])[: MAX_MODELS // max(len(m.models) for m in members)]
    total = sum(weights[name] for name in kept)
    chosen = [(m, weights[m.name] / total) for m in members if m.name in kept]
    mixed: Any = sum(m.predictions[held_out] * weight for m, weight in chosen)
    pipeline = _pipeline(rows, chosen, mixed, held_out)
    answers = pipeline.calibrated(mixed)
    return Mixture(
        members=[m for m, _ in chosen],
        weights=[weight for _, weight in chosen],
        pipeline=pipeline,
        rows=held_out,
        answers=answers,
        loss=rows.problem.loss(mixed, held_out),
        scores=scores_of(pipeline, rows, answers, held_out),
    )


def scores_of(pipeline: Pipeline, rows: LearningRows, answers: Floats, held_out: Integers) -> dict[str, float]:
    """The metrics of the report, on learning rows."""
    y = rows.problem.y[held_out]
    if rows.problem.is_classification:
        return classification_scores(y.astype(np.int64), answers, pipeline.decide(answers))
    return regression_scores(rows.problem.offset + rows.problem.scale * y, answers[:, 0])


def _pipeline(rows: LearningRows, chosen: Sequence[tuple[Member, float]], mixed: Floats, held_out: Integers) -> Pipeline:
    problem, target = rows.problem, rows.target
    specs = [MemberSpec(name=m.name, kind=m.kind, weight=round(weight, 6), files=[name for name, _ in m.files()]) for m, weight in chosen]
    told: dict[str, Any] = {}
    if problem.is_classification:
        y = problem.y[held_out].astype(np.int64)
        temperature = fit_temperature(np.log(np.maximum(mixed, 1e-12)), y)
        told = {"temperature": temperature}
        if problem.metric == "macro_f1":
            told["label_weights"] = fit_label_weights(y, mixed ** (1 / temperature))
    else:
        low, high = bounds(problem.offset + problem.scale * problem.y)
        told = {"offset": problem.offset, "scale": problem.scale, "low": low, "high": high}
    return Pipeline(
        target=target.name,
        problem=target.problem,
        metric=problem.metric,
        labels=list(target.labels),
        plan=rows.plan,
        members=specs,
        **told,
    )


def bounds(y: Floats) -> tuple[float, float]:
    """Answers stay within what was seen and a tenth of its range; exactly within where many rows have the extreme (a cap), and above 0
    where no row is below.
    """
    least, most = float(y.min()), float(y.max())
    room = 0.1 * (most - least)
    low = least if (y == least).sum() >= 5 else max(least - room, 0.0) if least >= 0 else least - room
    high = most if (y == most).sum() >= 5 else min(most + room, 0.0) if most <= 0 else most + room
    return low, high


def held_out_table(numbers: Integers, truth: Sequence[Any], answers: Floats, predicted: Sequence[Any], protocol: str) -> bytes:
    """held_out.parquet: one line a row that was held out, with its place in the tables."""
    import pyarrow as pa
    import pyarrow.parquet

    columns: dict[str, Any] = {"row": numbers, "target": list(truth), "predicted": list(predicted)}
    if answers.shape[1] > 1:
        columns["probabilities"] = pa.FixedSizeListArray.from_arrays(pa.array(answers.astype(np.float32).ravel()), answers.shape[1])
    table = pa.table(columns).replace_schema_metadata({"protocol": protocol})
    written = io.BytesIO()
    pyarrow.parquet.write_table(table, written, compression="zstd")
    return written.getvalue()
