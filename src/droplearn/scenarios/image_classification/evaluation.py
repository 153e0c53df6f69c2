"""Scores a classifier: on pictures that it is run on, or on the predictions that its trainer made while each picture was held out. No
torch.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import numpy as np

from droplearn.contracts.dataset import VersionExample
from droplearn.contracts.errors import InvalidDataset
from droplearn.contracts.evaluation import CalibrationBin, EvaluationProtocol, EvaluationReport, LabelReport
from droplearn.scenarios.image_classification.inference import predict_all
from droplearn.scenarios.learning import EvaluationContext, EvaluationResult
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.learning.metrics import calibration_bins, classification_metrics, confusion_matrix, per_label

HELD_OUT_FILE, NETWORK_FILE = "held_out.jsonl", "model.onnx"


@dataclass(frozen=True)
class Scored:
    """Examples with their probabilities (N, K); what could not be scored, with the reason, is in `skipped`."""

    examples: list[tuple[str, str]]
    probabilities: Floats
    protocol: EvaluationProtocol
    skipped: Counter[str]


def evaluate(context: EvaluationContext) -> EvaluationResult:
    """The report and one row of predictions an example.

    Raises:
        InvalidDataset: `evaluation.no_examples`: nothing is left to score.
    """
    started = monotonic()
    scored = _held_out(context) if context.request.source == "held_out" else _run(context)
    if not scored.examples:
        raise InvalidDataset(
            "evaluation.no_examples",
            f"No example can be scored ({_told(scored.skipped) or 'the dataset version has none'}).",
            hint="Evaluate on a dataset with labelled pictures whose labels the model knows.",
        )
    index = {label: i for i, label in enumerate(context.manifest.labels)}
    y = np.array([index[label] for _, label in scored.examples], dtype=np.int64)
    return EvaluationResult(_report(context, scored, y, monotonic() - started), _columns(context, scored, y))


def _held_out(context: EvaluationContext) -> Scored:
    protocol: EvaluationProtocol = "held_out_validation" if context.manifest.metrics_protocol == "validation" else "cross_validation"
    known = {(e.path, e.label) for e in context.source.examples}
    lines = [line for line in _lines(context.model_folder / HELD_OUT_FILE) if (line["path"], line["label"]) in known]
    probabilities = np.array([line["probabilities"] for line in lines], dtype=np.float64).reshape(len(lines), -1)
    return Scored([(str(line["path"]), str(line["label"])) for line in lines], probabilities, protocol, Counter())


def _lines(file: Path) -> Iterator[dict[str, object]]:
    if file.exists():
        with file.open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines if line.strip())


def _run(context: EvaluationContext) -> Scored:
    is_test = context.request.source == "test_split"
    wanted = [e for e in context.source.examples if e.label is not None and (e.split == "test" or not is_test)]
    known = [e for e in wanted if e.label in set(context.manifest.labels)]
    skipped = Counter(unknown_label=len(wanted) - len(known)) if len(wanted) > len(known) else Counter[str]()
    probabilities, problems = predict_all(
        context.model_folder / NETWORK_FILE,
        [e.path for e in known],
        context.source.read,
        lambda done, total: context.log.progress("evaluate", done, total),
    )
    skipped.update(problems.values())
    kept = [i for i in range(len(known)) if i not in problems]
    examples = [(known[i].path, _label(known[i])) for i in kept]
    return Scored(examples, probabilities[kept], "test_split" if is_test else "other_dataset", skipped)


def _label(example: VersionExample) -> str:
    return example.label or ""


def _report(context: EvaluationContext, scored: Scored, y: Integers, duration_s: float) -> EvaluationReport:
    labels = context.manifest.labels
    confusion = confusion_matrix(y, scored.probabilities.argmax(axis=1), len(labels))
    scores = per_label(confusion)
    return EvaluationReport(
        evaluation_id=context.request.evaluation_id,
        model_id=context.request.model_id,
        scenario=context.request.scenario,
        dataset_version=context.request.dataset_version,
        protocol=scored.protocol,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        example_count=len(y),
        bad_case_count=int(len(y) - confusion.trace()),
        skipped_count=scored.skipped.total(),
        duration_s=round(duration_s, 3),
        metrics={name: round(value, 6) for name, value in classification_metrics(y, scored.probabilities).items()},
        labels=[
            LabelReport(
                label=label,
                support=int(scores.support[i]),
                predicted=int(scores.predicted[i]),
                precision=round(float(scores.precision[i]), 6),
                recall=round(float(scores.recall[i]), 6),
                f1=round(float(scores.f1[i]), 6),
            )
            for i, label in enumerate(labels)
        ],
        confusion_matrix=confusion.tolist(),
        calibration=[
            CalibrationBin(low=b.low, high=b.high, count=b.count, mean_confidence=b.mean_confidence, accuracy=b.accuracy)
            for b in calibration_bins(y, scored.probabilities)
        ],
        warnings=_warnings(context, scored, y),
    )


def _warnings(context: EvaluationContext, scored: Scored, y: Integers) -> list[str]:
    told = [f"Not scored: {_told(scored.skipped)}."] if scored.skipped.total() else []
    missing = [label for i, label in enumerate(context.manifest.labels) if i not in set(y.tolist())]
    if missing:
        told.append(f"No example of {len(missing)} of the model's labels: {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}.")
    if scored.protocol == "other_dataset" and context.request.dataset_version == context.manifest.dataset_version:
        told.append("The model learnt from this dataset version: these figures say little about new pictures.")
    return told


def _told(skipped: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in skipped.most_common())


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
