"""Scores a single-label classifier: on examples that it is run on, or on the predictions that its trainer made while each was held out.

Every scenario whose answer is one label of several uses it; what an example is, and how a model is run on it, the scenario knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

import numpy as np

from droplearn.contracts.dataset import VersionExample
from droplearn.contracts.errors import InvalidDataset
from droplearn.contracts.evaluation import BadCase, EvaluationProtocol, EvaluationReport
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.learning.context import EvaluationContext, EvaluationResult
from droplearn.scenarios.learning.curves import curves_of_classifier
from droplearn.scenarios.learning.intervals import classification_intervals
from droplearn.scenarios.learning.label_reports import calibration_report, label_reports
from droplearn.scenarios.learning.metrics import calibration_bins, classification_metrics, confusion_matrix
from droplearn.scenarios.learning.reporting import held_out_lines, in_words, make_report

HELD_OUT_FILE, NETWORK_FILE = "held_out.jsonl", "model.onnx"

Predict = Callable[[Sequence[str]], tuple[Floats, dict[int, str]]]
"""Paths -> probabilities (N, K), and index -> reason for each example that could not be read (its row means nothing)."""


@dataclass(frozen=True)
class Scored:
    """Examples with their probabilities (N, K); what could not be scored, with the reason, is in `skipped`."""

    examples: list[tuple[str, str]]
    probabilities: Floats
    protocol: EvaluationProtocol
    skipped: Counter[str]


def evaluate_classifier(context: EvaluationContext, predict: Predict, nouns: str) -> EvaluationResult:
    """The report and one row of predictions an example. `nouns`: what examples are called (`pictures`).

    Raises:
        InvalidDataset: `evaluation.no_examples`: nothing is left to score.
    """
    started = monotonic()
    scored = _held_out(context) if context.request.source == "held_out" else _run(context, predict)
    if not scored.examples:
        raise InvalidDataset(
            "evaluation.no_examples",
            f"No example can be scored ({in_words(scored.skipped) or 'the dataset version has none'}).",
            hint=f"Evaluate on a dataset with labelled {nouns} whose labels the model knows.",
        )
    index = {label: i for i, label in enumerate(context.manifest.labels)}
    y = np.array([index[label] for _, label in scored.examples], dtype=np.int64)
    return EvaluationResult(
        _report(context, scored, y, started, nouns),
        _columns(context, scored, y),
        curves_of_classifier(context.request.evaluation_id, context.manifest.labels, y, scored.probabilities),
        _bad_cases(context, scored, y),
    )


def _held_out(context: EvaluationContext) -> Scored:
    protocol: EvaluationProtocol = "held_out_validation" if context.manifest.metrics_protocol == "validation" else "cross_validation"
    known = {(e.path, e.label) for e in context.source.examples}
    lines = [line for line in held_out_lines(context.model_folder / HELD_OUT_FILE) if (line["path"], line["label"]) in known]
    probabilities = np.array([line["probabilities"] for line in lines], dtype=np.float64).reshape(len(lines), -1)
    return Scored([(str(line["path"]), str(line["label"])) for line in lines], probabilities, protocol, Counter())


def _run(context: EvaluationContext, predict: Predict) -> Scored:
    is_test = context.request.source == "test_split"
    wanted = [e for e in context.source.examples if e.label is not None and (e.split == "test" or not is_test)]
    known = [e for e in wanted if e.label in set(context.manifest.labels)]
    skipped = Counter(unknown_label=len(wanted) - len(known)) if len(wanted) > len(known) else Counter[str]()
    probabilities, problems = predict([e.path for e in known])
    skipped.update(problems.values())
    kept = [i for i in range(len(known)) if i not in problems]
    examples = [(known[i].path, _label(known[i])) for i in kept]
    return Scored(examples, probabilities[kept], "test_split" if is_test else "other_dataset", skipped)


def _label(example: VersionExample) -> str:
    return example.label or ""


def _report(context: EvaluationContext, scored: Scored, y: Integers, started: float, nouns: str) -> EvaluationReport:
    labels = context.manifest.labels
    confusion = confusion_matrix(y, scored.probabilities.argmax(axis=1), len(labels))
    return make_report(
        context,
        scored.protocol,
        started,
        classification_metrics(y, scored.probabilities),
        example_count=len(y),
        bad_case_count=int(len(y) - confusion.trace()),
        skipped_count=scored.skipped.total(),
        intervals=classification_intervals(confusion),
        labels=label_reports(labels, confusion),
        confusion_matrix=confusion.tolist(),
        calibration=calibration_report(calibration_bins(y, scored.probabilities)),
        warnings=_warnings(context, scored, y, nouns),
    )


def _warnings(context: EvaluationContext, scored: Scored, y: Integers, nouns: str) -> list[str]:
    told = [f"Not scored: {in_words(scored.skipped)}."] if scored.skipped.total() else []
    missing = [label for i, label in enumerate(context.manifest.labels) if i not in set(y.tolist())]
    if missing:
        told.append(f"No example of {len(missing)} of the model's labels: {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}.")
    if scored.protocol == "other_dataset" and context.request.dataset_version == context.manifest.dataset_version:
        told.append(f"The model learnt from this dataset version: these figures say little about new {nouns}.")
    return told


def _bad_cases(context: EvaluationContext, scored: Scored, y: Integers) -> list[BadCase]:
    labels, best = context.manifest.labels, scored.probabilities.argmax(axis=1)
    confidence = scored.probabilities.max(axis=1)
    return [
        BadCase(path=scored.examples[i][0], label=labels[y[i]], predicted=labels[best[i]], confidence=round(float(confidence[i]), 6))
        for i in np.flatnonzero(best != y).tolist()
    ]


def _columns(context: EvaluationContext, scored: Scored, y: Integers) -> dict[str, object]:
    labels = context.manifest.labels
    best = scored.probabilities.argmax(axis=1)
    return {
        "path": [path for path, _ in scored.examples],
        "label": [label for _, label in scored.examples],
        "predicted": [labels[i] for i in best],
        "confidence": scored.probabilities.max(axis=1).astype(np.float32),
        "correct": best == y,
        "probabilities": list(scored.probabilities.astype(np.float32)),
    }
