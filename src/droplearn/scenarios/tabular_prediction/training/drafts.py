"""From the best mixture to the model that the harness writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from droplearn.contracts.model import Candidate, StopReason
from droplearn.scenarios.learning import DraftFile, ModelDraft, TrainingContext
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.tabular_prediction.members.ensemble import Ensemble
from droplearn.scenarios.tabular_prediction.training.base_model import compare
from droplearn.scenarios.tabular_prediction.training.importance import Importance
from droplearn.scenarios.tabular_prediction.training.mixture import HELD_OUT_FILE, Mixture, held_out_table
from droplearn.scenarios.tabular_prediction.training.rows import LearningRows


def make_draft(
    context: TrainingContext,
    rows: LearningRows,
    mixture: Mixture,
    importance: Importance | None,
    candidates: Sequence[Candidate],
    stop_reason: StopReason,
) -> ModelDraft:
    """All files in memory."""
    comparison, fallen = compare(context, rows, mixture)
    is_whole = len(mixture.rows) == len(rows)
    protocol, content = _held_out(rows, mixture, "cross_validation" if is_whole else "validation")
    scores = {f"valid_{name}": value for name, value in mixture.scores.items()}
    return ModelDraft(
        files=[*mixture.files(), DraftFile(HELD_OUT_FILE, "held_out_predictions", content)],
        labels=rows.target.labels,
        inputs=[],
        outputs=[],
        metrics=scores | {"valid_loss": scores.get("valid_log_loss", scores.get("valid_rmse", 0.0))},
        metrics_protocol="cross_validation" if is_whole else "validation",
        stop_reason=stop_reason,
        candidates=candidates,
        preprocessing=_told(rows, importance) | {"held_out_protocol": protocol},
        temperature=mixture.pipeline.temperature,
        base_model=comparison,
        warnings=[*rows.warnings, *fallen],
    )


def _told(rows: LearningRows, importance: Importance | None) -> dict[str, Any]:
    """What a person or a console wants to know without opening pipeline.json."""
    told: dict[str, Any] = {
        "target": rows.target.name,
        "problem": rows.target.problem,
        "problem_reason": rows.target.sentence,
        "metric": rows.problem.metric,
        "columns": {column.name: column.kind for column in rows.plan.columns},
        "row_count": len(rows),
    }
    return told | ({"importance": importance.to_dict()} if importance else {})


def _held_out(rows: LearningRows, mixture: Mixture, protocol: str) -> tuple[str, bytes]:
    """The test rows where there are any, else the rows that validation held out."""
    if not len(rows.test.numbers):
        truth, predicted = _words(rows, rows.problem.y[mixture.rows], mixture.answers, mixture)
        return protocol, held_out_table(rows.numbers[mixture.rows], truth, mixture.answers, predicted, protocol)
    answers, _ = Ensemble(mixture.pipeline, [member.models for member in mixture.members]).predict(rows.test.frame)
    truth, predicted = _words(rows, rows.test.y, answers, mixture)
    return "test_split", held_out_table(rows.test.numbers, truth, answers, predicted, "test_split")


def _words(rows: LearningRows, y: Integers | Floats, answers: Floats, mixture: Mixture) -> tuple[Sequence[Any], Sequence[Any]]:
    """Truth and answer as the user sees them."""
    if not rows.problem.is_classification:
        return (rows.problem.offset + rows.problem.scale * y).tolist(), answers[:, 0].tolist()
    labels: Mapping[int, str] = dict(enumerate(rows.target.labels))
    chosen = mixture.pipeline.decide(answers)
    return [labels[int(k)] for k in y.astype(np.int64)], [labels[int(k)] for k in chosen]
