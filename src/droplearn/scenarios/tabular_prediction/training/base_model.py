"""Continuing from a base model: whether the rows that it had learnt from are predicted worse now."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from droplearn.contracts.model import BaseModelComparison
from droplearn.scenarios.learning import TrainingContext
from droplearn.scenarios.tabular_prediction.metrics import is_better
from droplearn.scenarios.tabular_prediction.training.mixture import HELD_OUT_FILE, Mixture
from droplearn.scenarios.tabular_prediction.training.rows import LearningRows

MIN_ROWS = 10
Predictions = dict[int, tuple[object, object]]


def compare(context: TrainingContext, rows: LearningRows, mixture: Mixture) -> tuple[BaseModelComparison | None, list[str]]:
    """Both models on old rows, each of which both had held out; and a warning where the new one is worse."""
    if context.base is None or not rows.old_count:
        return None, []
    if context.base.manifest.preprocessing.get("problem") != rows.target.problem:
        return None, ["The base model solved another problem: the two are not compared."]
    before = _predictions(context.base.folder / HELD_OUT_FILE)
    places = [(i, int(rows.numbers[row])) for i, row in enumerate(mixture.rows) if int(rows.numbers[row]) in before]
    if len(places) < MIN_ROWS:
        return None, ["The base model and this one have no held-out rows in common: they are not compared."]
    if not _same_rows(rows, mixture, places, before):
        return None, ["The base model's held-out rows are not in the order of its tables any more: the two are not compared."]
    metric = "accuracy" if rows.problem.is_classification else "rmse"
    old, new = _scores(rows, mixture, places, before)
    worse = is_better(metric, old, new) and abs(old - new) > 0.01 * (1 if metric == "accuracy" else max(old, 1e-12))
    comparison = BaseModelComparison(
        model_id=context.base.manifest.model_id,
        metric=metric,
        example_count=len(places),
        accuracy_before=old,
        accuracy_after=new,
        has_fallen=worse,
    )
    return comparison, [f"On {len(places)} old rows {metric} went from {old:.4g} to {new:.4g}: worse."] if worse else []


def _scores(rows: LearningRows, mixture: Mixture, places: list[tuple[int, int]], before: Predictions) -> tuple[float, float]:
    own = [i for i, _ in places]
    y = rows.problem.y[mixture.rows][own]
    if rows.problem.is_classification:
        labels = rows.target.labels
        truth = [labels[int(k)] for k in y]
        answered = [labels[int(k)] for k in mixture.pipeline.decide(mixture.answers[own])]
        old = [str(before[number][1]) for _, number in places]
        return _share(truth, old), _share(truth, answered)
    values = rows.problem.offset + rows.problem.scale * y
    earlier = np.array([float(str(before[number][1])) for _, number in places])
    return float(np.sqrt(((earlier - values) ** 2).mean())), float(np.sqrt(((mixture.answers[own, 0] - values) ** 2).mean()))


def _share(truth: list[str], answered: list[str]) -> float:
    return sum(t == a for t, a in zip(truth, answered, strict=True)) / len(truth)


def _predictions(file: Path) -> Predictions:
    """Row to its target and to the base model's answer while it was held out."""
    import pyarrow.parquet

    if not file.exists():
        return {}
    table = pyarrow.parquet.read_table(io.BytesIO(file.read_bytes()))
    pairs = zip(table["target"].to_pylist(), table["predicted"].to_pylist(), strict=True)
    return dict(zip(table["row"].to_pylist(), pairs, strict=True))


def _same_rows(rows: LearningRows, mixture: Mixture, places: list[tuple[int, int]], before: Predictions) -> bool:
    """Whether every row has the target that the base model knew; a base that was itself made from two datasets counts otherwise."""
    y = rows.problem.y[mixture.rows[[i for i, _ in places]]]
    is_label = rows.problem.is_classification
    truth = [rows.target.labels[int(k)] if is_label else float(rows.problem.offset + rows.problem.scale * k) for k in y]
    return all(_equal(before[number][0], found) for (_, number), found in zip(places, truth, strict=True))


def _equal(before: object, found: str | float) -> bool:
    return before == found if isinstance(found, str) else bool(np.isclose(float(str(before)), found))
