"""Scores a classifier of pictures. No torch."""

from __future__ import annotations

from collections.abc import Sequence

from droplearn.scenarios.image_classification.inference import predict_all
from droplearn.scenarios.image_classification.pixels import resample_of
from droplearn.scenarios.learning import EvaluationContext, EvaluationResult
from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.learning.classification_report import NETWORK_FILE, evaluate_classifier


def evaluate(context: EvaluationContext) -> EvaluationResult:
    """The report and one row of predictions a picture. Raises InvalidDataset (`evaluation.no_examples`)."""
    resample = resample_of(context.manifest.preprocessing)

    def predict(paths: Sequence[str]) -> tuple[Floats, dict[int, str]]:
        report = lambda done, total: context.log.progress("evaluate", done, total)  # noqa: E731
        return predict_all(context.model_folder / NETWORK_FILE, paths, context.source.read, report, resample)

    return evaluate_classifier(context, predict, "pictures")
