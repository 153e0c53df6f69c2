"""Scores a detector: on pictures that it is run on, or on what its trainer found while each picture was held out. No torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np

from droplearn.contracts.dataset import VersionExample
from droplearn.contracts.errors import InvalidDataset
from droplearn.contracts.evaluation import EvaluationProtocol, LabelReport
from droplearn.scenarios.annotation_formats.alignment import Unusable
from droplearn.scenarios.learning import EvaluationContext, EvaluationResult
from droplearn.scenarios.learning.reporting import held_out_lines, in_words, make_report
from droplearn.scenarios.learning.threads import in_threads
from droplearn.scenarios.object_detection.boxes import NMS_IOU, Detections
from droplearn.scenarios.object_detection.findings import Findings
from droplearn.scenarios.object_detection.inference import Graph
from droplearn.scenarios.object_detection.intervals import detection_intervals
from droplearn.scenarios.object_detection.measuring import LOSS_NAMES, Asked, Measured, look, measure
from droplearn.scenarios.object_detection.metrics import AveragePrecision, Truth, counts_at, ratios
from droplearn.scenarios.object_detection.reading import AnnotationReader
from droplearn.scenarios.object_detection.serving import DEFAULT_THRESHOLD
from droplearn.scenarios.object_detection.truths import truth_of

HELD_OUT_FILE, NETWORK_FILE = "held_out.jsonl", "model.onnx"
_CURVE_POINTS = 21
_MAX_CURVES = 50
"""Labels whose curves the report holds, the most frequent first; their rows in predictions.parquet give the others."""


@dataclass(frozen=True)
class Scored:
    """Pictures with what is on them and what was found; what could not be scored, with the reason, is in `skipped`."""

    paths: list[str]
    truths: list[Truth]
    rows: list[Measured]
    protocol: EvaluationProtocol
    skipped: Counter[str]
    unknown_labels: Counter[str]


def evaluate(context: EvaluationContext) -> EvaluationResult:
    """The report; predictions.parquet has a row for each object that was found or missed; curves and bad cases.

    Raises:
        InvalidDataset: `evaluation.no_examples`: nothing is left to score.
    """
    started = monotonic()
    scored = _held_out(context) if context.request.source == "held_out" else _run(context)
    if not any(len(truth.labels) for truth in scored.truths):
        raise InvalidDataset(
            "evaluation.no_examples",
            f"No annotated object can be scored ({in_words(scored.skipped + scored.unknown_labels) or 'the dataset version has none'}).",
            hint="Evaluate on a dataset with annotated pictures whose labels the model knows.",
        )
    precision, metrics = measure(scored.truths, scored.rows, len(context.manifest.labels))
    if context.request.source == "held_out":
        metrics |= {name: v for name in LOSS_NAMES if (v := context.manifest.metrics.get(f"valid_{name}")) is not None}
    found = Findings.of(context.manifest.labels, scored.paths, scored.truths, [row.found for row in scored.rows])
    report = make_report(
        context,
        scored.protocol,
        started,
        metrics,
        example_count=len(scored.paths),
        bad_case_count=len({case.path for case in found.bad_cases}),
        skipped_count=scored.skipped.total(),
        intervals=detection_intervals(found, scored.paths),
        labels=_label_reports(context, scored),
        details=_details(context, scored, precision),
        warnings=_warnings(context, scored),
    )
    return EvaluationResult(report, found.columns(), found.curves(context.request.evaluation_id), found.bad_cases)


def _held_out(context: EvaluationContext) -> Scored:
    known = {e.path for e in context.source.examples}
    lines = [line for line in held_out_lines(context.model_folder / HELD_OUT_FILE) if line["path"] in known]
    index = {label: i for i, label in enumerate(context.manifest.labels)}
    truths = [
        Truth(
            line["width"],
            line["height"],
            _boxes(line["objects"]),
            np.array([index[o["label"]] for o in line["objects"]], np.int64),
            np.array([o["is_difficult"] for o in line["objects"]], np.int64),
        )
        for line in lines
    ]
    rows = [
        Measured(
            Detections(
                _boxes(line["found"]),
                np.array([o["conf"] for o in line["found"]], np.float64),
                np.array([index[o["label"]] for o in line["found"]], np.int64),
            ),
            None,
        )
        for line in lines
    ]
    return Scored([line["path"] for line in lines], truths, rows, "held_out_validation", Counter(), Counter())


def _boxes(items: list[dict[str, Any]]) -> Any:
    return np.array([item["box"] for item in items], np.float32).reshape(-1, 4)


def _run(context: EvaluationContext) -> Scored:
    is_test = context.request.source == "test_split"
    wanted = [e for e in context.source.examples if (e.annotation or {}).get("file") and (e.split == "test" or not is_test)]
    graph, reader = Graph(context.model_folder / NETWORK_FILE), AnnotationReader(context.source)
    index = {label: i for i, label in enumerate(context.manifest.labels)}
    nms_iou = float(context.manifest.preprocessing.get("nms_iou", NMS_IOU))
    unknown: Counter[str] = Counter()

    def work(place: int) -> tuple[int, tuple[Truth, Measured] | str, Counter[str]]:
        try:
            return place, *_look_at(wanted[place], reader, graph, index, nms_iou)
        except Unusable as error:
            return place, error.code, Counter()

    results: dict[int, tuple[Truth, Measured] | str] = {}
    for place, result, others in in_threads(work, range(len(wanted)), lambda: None):
        results[place] = result
        unknown.update(others)
        context.log.progress("evaluate", len(results), len(wanted))
    good = [(wanted[p].path, *result) for p, result in sorted(results.items()) if not isinstance(result, str)]
    skipped = Counter(result for result in results.values() if isinstance(result, str))
    protocol: EvaluationProtocol = "test_split" if is_test else "other_dataset"
    return Scored([g[0] for g in good], [g[1] for g in good], [g[2] for g in good], protocol, skipped, unknown)


def _look_at(
    example: VersionExample, reader: AnnotationReader, graph: Graph, index: Mapping[str, int], nms_iou: float
) -> tuple[tuple[Truth, Measured], Counter[str]]:
    read = reader.read(example, graph.size)
    truth = truth_of(read.annotation, read.picture.width, read.picture.height, index)
    unknown = Counter(item.name for item in read.annotation.objects if item.name not in index)
    return (truth, look(graph, Asked.make(read.picture.pixels, truth, graph.size), nms_iou)), unknown


def _label_reports(context: EvaluationContext, scored: Scored) -> list[LabelReport]:
    labels = context.manifest.labels
    right, predicted, wanted = counts_at(scored.truths, [row.found for row in scored.rows], len(labels), DEFAULT_THRESHOLD)
    precision, recall, f1 = ratios(right, predicted, wanted)
    return [
        LabelReport(
            label=label,
            support=int(wanted[i]),
            predicted=int(predicted[i]),
            precision=round(float(precision[i]), 6),
            recall=round(float(recall[i]), 6),
            f1=round(float(f1[i]), 6),
        )
        for i, label in enumerate(labels)
    ]


def _details(context: EvaluationContext, scored: Scored, precision: AveragePrecision) -> dict[str, Any]:
    """`threshold` (of precision, recall, F1), `model_size_bytes`, `labels`: average precision and curve of each label with objects."""
    counts = Counter(int(label) for truth in scored.truths for label in truth.labels)
    told = {}
    for place, (i, _) in enumerate(counts.most_common()):
        entry: dict[str, Any] = {
            "ap_50": _number(precision.by_label_50[i]),
            "ap_50_95": _number(precision.by_label_50_95[i]),
        }
        if place < _MAX_CURVES and len(precision.precision_at_recall):
            entry["precision_recall_curve"] = _curve(precision, i)
        told[context.manifest.labels[i]] = entry
    network = next((file.size_bytes for file in context.manifest.files if file.role == "network"), 0)
    return {"threshold": DEFAULT_THRESHOLD, "model_size_bytes": network, "labels": told}


def _curve(precision: AveragePrecision, label: int) -> list[dict[str, float]]:
    """Precision and threshold at recalls that are reached (E-3)."""
    points = np.linspace(0, 100, _CURVE_POINTS).astype(int)
    rows = [(p, precision.precision_at_recall[label, p], precision.score_at_recall[label, p]) for p in points]
    return [{"recall": p / 100, "precision": round(float(v), 4), "threshold": round(float(t), 4)} for p, v, t in rows if t > 0]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def _warnings(context: EvaluationContext, scored: Scored) -> list[str]:
    told = [f"Not scored: {in_words(scored.skipped)}."] if scored.skipped.total() else []
    if scored.unknown_labels:
        told.append(f"The model does not know these labels, which were left out: {in_words(scored.unknown_labels)}.")
    seen = {int(label) for truth in scored.truths for label in truth.labels}
    missing = [label for i, label in enumerate(context.manifest.labels) if i not in seen]
    if missing:
        told.append(f"No object of {len(missing)} of the model's labels: {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}.")
    if scored.protocol == "other_dataset" and context.request.dataset_version == context.manifest.dataset_version:
        told.append("The model learnt from this dataset version: these figures say little about new pictures.")
    return told
