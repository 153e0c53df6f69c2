"""Scores a tabular model: on rows that it is run on, or on the predictions that its trainer made while each row was held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np

from droplearn.contracts.errors import InvalidDataset
from droplearn.contracts.evaluation import BadCase, CalibrationBin, EvaluationCurves, LabelReport
from droplearn.scenarios.learning import EvaluationContext, EvaluationResult
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.learning.curves import curves_of_classifier
from droplearn.scenarios.learning.intervals import classification_intervals
from droplearn.scenarios.learning.label_reports import calibration_report, label_reports
from droplearn.scenarios.learning.metrics import calibration_bins, confusion_matrix, expected_calibration_error
from droplearn.scenarios.learning.reporting import in_words, make_report
from droplearn.scenarios.tabular_prediction.members.ensemble import Pipeline
from droplearn.scenarios.tabular_prediction.metrics import classification_scores, regression_scores
from droplearn.scenarios.tabular_prediction.residuals import regression_intervals, residual_details
from droplearn.scenarios.tabular_prediction.scoring import Scored, read_held_out, run_on_tables
from droplearn.scenarios.tabular_prediction.serving import load_pipeline


@dataclass(frozen=True)
class _Found:
    """What differs between classification and regression in a report."""

    metrics: dict[str, float]
    bad_case_count: int | None
    labels: list[LabelReport]
    confusion: list[list[int]]
    calibration: list[CalibrationBin]
    details: dict[str, Any]
    intervals: dict[str, tuple[float, float]]
    curves: EvaluationCurves | None = None
    bad_cases: list[BadCase] | None = None


def evaluate(context: EvaluationContext) -> EvaluationResult:
    """The report and one row of predictions a row.

    Raises:
        InvalidDataset: `evaluation.no_examples`: nothing is left to score; `evaluation.missing_column`: a column that the model needs.
    """
    started = monotonic()
    pipeline = load_pipeline(context.model_folder, context.manifest)
    is_held_out = context.request.source in ("held_out", "test_split")
    scored = read_held_out(context.model_folder, pipeline) if is_held_out else run_on_tables(context, pipeline)
    if not len(scored.rows):
        raise InvalidDataset(
            "evaluation.no_examples",
            f"No row can be scored ({in_words(scored.skipped) or 'there is none'}).",
            hint=f"Evaluate on tables whose column {pipeline.target!r} has values that the model knows.",
        )
    found = _regression(scored) if pipeline.problem == "regression" else _classification(context, scored, pipeline)
    report = make_report(
        context,
        scored.protocol,
        started,
        found.metrics,
        example_count=len(scored.rows),
        bad_case_count=found.bad_case_count,
        skipped_count=scored.skipped.total(),
        intervals=found.intervals,
        labels=found.labels,
        confusion_matrix=found.confusion,
        calibration=found.calibration,
        details=_details(context) | found.details,
        warnings=_warnings(context, scored),
    )
    return EvaluationResult(report, _columns(scored, pipeline), found.curves, found.bad_cases)


def _classification(context: EvaluationContext, scored: Scored, pipeline: Pipeline) -> _Found:
    y, chosen = scored.y.astype(np.int64), pipeline.decide(scored.answers)
    confusion = confusion_matrix(y, chosen, len(pipeline.labels))
    bins = calibration_bins(y, scored.answers)
    return _Found(
        metrics=classification_scores(y, scored.answers, chosen),
        bad_case_count=int(len(y) - confusion.trace()),
        labels=label_reports(pipeline.labels, confusion),
        confusion=confusion.tolist(),
        calibration=calibration_report(bins),
        details={"expected_calibration_error": round(expected_calibration_error(bins), 6)},
        intervals=_named_as_here(classification_intervals(confusion)),
        curves=curves_of_classifier(context.request.evaluation_id, pipeline.labels, y, scored.answers),
        bad_cases=_bad_cases(scored, y, chosen, pipeline.labels),
    )


def _named_as_here(intervals: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """`accuracy` and `macro_f1` are this scenario's metrics."""
    return {{"top1_accuracy": "accuracy"}.get(name, name): interval for name, interval in intervals.items()}


def _bad_cases(scored: Scored, y: Integers, chosen: Integers, labels: Sequence[str]) -> list[BadCase]:
    """`path`: the row's number, from 0, in the tables one after the other."""
    confidence = scored.answers[np.arange(len(chosen)), chosen]
    return [
        BadCase(path=f"row {scored.rows[i]}", label=labels[y[i]], predicted=labels[chosen[i]], confidence=round(float(confidence[i]), 6))
        for i in np.flatnonzero(chosen != y).tolist()
    ]


def _regression(scored: Scored) -> _Found:
    y, predicted = scored.y.astype(np.float64), scored.answers[:, 0]
    intervals = regression_intervals(y, predicted)
    return _Found(regression_scores(y, predicted), None, [], [], [], residual_details(y, predicted), intervals)


def _details(context: EvaluationContext) -> dict[str, Any]:
    """What the trainer found, for a reader of the report."""
    told = context.manifest.preprocessing
    return {name: told[name] for name in ("target", "problem", "problem_reason", "metric", "importance") if name in told}


def _warnings(context: EvaluationContext, scored: Scored) -> list[str]:
    told = [f"Not scored: {in_words(scored.skipped)}."] if scored.skipped.total() else []
    told.extend(scored.warnings)
    if scored.protocol == "other_dataset" and context.request.dataset_version == context.manifest.dataset_version:
        told.append("The model learnt from this dataset version: these figures say little about new rows.")
    return told


def _columns(scored: Scored, pipeline: Pipeline) -> dict[str, Any]:
    if pipeline.problem == "regression":
        predicted = scored.answers[:, 0]
        return {"row": scored.rows, "target": scored.y, "predicted": predicted, "residual": predicted - scored.y}
    chosen = pipeline.decide(scored.answers)
    return {
        "row": scored.rows,
        "label": _names(scored.y.astype(np.int64), pipeline.labels),
        "predicted": _names(chosen, pipeline.labels),
        "confidence": scored.answers[np.arange(len(chosen)), chosen].astype(np.float32),
        "correct": chosen == scored.y,
        "probabilities": list(scored.answers.astype(np.float32)),
    }


def _names(indices: Integers | Floats, labels: Sequence[str]) -> list[str]:
    return [labels[int(i)] for i in indices]
