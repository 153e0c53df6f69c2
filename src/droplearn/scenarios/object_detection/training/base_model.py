"""Continuing from a base model: where the weights come from, and whether the old labels got worse."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from zipfile import BadZipFile

import numpy as np

from droplearn.contracts.model import BaseModelComparison
from droplearn.networks.detector_plan import DetectorPlan
from droplearn.scenarios.learning import TrainingContext
from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.object_detection.boxes import Detections
from droplearn.scenarios.object_detection.metrics import Truth, average_precision
from droplearn.scenarios.object_detection.training.drafts import HELD_OUT_FILE, WEIGHTS_FILE, HeldOut
from droplearn.scenarios.object_detection.training.examples import LearningSet

_FALL = 0.02
_CLASS_ROWS = ("class_out.weight", "class_out.bias")


def base_weights(context: TrainingContext, plan: DetectorPlan, labels: Sequence[str], fresh: Mapping[str, Floats]) -> dict[str, Floats]:
    """The base model's arrays where they fit the preset, else none. A label that it does not know begins as in `fresh`."""
    if context.base is None or context.base.manifest.preprocessing.get("network") != plan.network:
        return {}
    try:
        with np.load(context.base.folder / WEIGHTS_FILE, allow_pickle=False) as saved:
            weights: dict[str, Any] = {name: saved[name] for name in saved.files}
    except (OSError, ValueError, BadZipFile):
        return {}
    known = context.base.manifest.labels
    for name in _CLASS_ROWS:
        rows = fresh[name].copy()
        for i, label in enumerate(labels):
            if label in known:
                rows[i] = weights[name][known.index(label)]
        weights[name] = rows
    return weights


def compare(context: TrainingContext, data: LearningSet, held_out: HeldOut) -> tuple[BaseModelComparison | None, list[str]]:
    """map_50 of the old and the new model, for the old labels, on pictures that both held out; a warning where the new one is worse."""
    if context.base is None:
        return None, []
    lines = _lines(context)
    old_labels = [label for label in context.base.manifest.labels if label in data.labels]
    places = [p for p, i in enumerate(held_out.indices) if data.pictures[i].is_old and data.pictures[i].path in lines]
    if not places or not old_labels:
        return None, ["The base model and this one have no held-out picture in common: they are not compared on the old labels."]
    truths = [_only(data.truths[held_out.indices[p]], data.labels, old_labels) for p in places]
    now = [_only_found(held_out.found[p], data.labels, old_labels) for p in places]
    was = [_found_before(lines[data.pictures[held_out.indices[p]].path], old_labels) for p in places]
    before, after = (average_precision(truths, found, len(old_labels)).map_50 for found in (was, now))
    has_fallen = before - after > max(_FALL, 1 / len(places))
    comparison = BaseModelComparison(
        model_id=context.base.manifest.model_id,
        metric="map_50",
        example_count=len(places),
        accuracy_before=before,
        accuracy_after=after,
        has_fallen=has_fallen,
    )
    told = f"On {len(places)} old pictures map_50 of the old labels fell from {before:.3f} to {after:.3f}."
    return comparison, [told] if has_fallen else []


def _lines(context: TrainingContext) -> dict[str, dict[str, Any]]:
    file = context.base.folder / HELD_OUT_FILE if context.base is not None else None
    if file is None or not file.exists():
        return {}
    told = (json.loads(line) for line in file.read_text("utf-8").splitlines() if line)
    return {line["path"]: line for line in told}


def _only(truth: Truth, labels: Sequence[str], wanted: Sequence[str]) -> Truth:
    index = np.array([wanted.index(label) if label in wanted else -1 for label in labels])[truth.labels]
    kept = index >= 0
    return Truth(truth.width, truth.height, truth.boxes[kept], index[kept], truth.is_difficult[kept])


def _only_found(found: Detections, labels: Sequence[str], wanted: Sequence[str]) -> Detections:
    index = np.array([wanted.index(label) if label in wanted else -1 for label in labels])[found.labels]
    kept = index >= 0
    return Detections(found.boxes[kept], found.scores[kept], index[kept])


def _found_before(line: Mapping[str, Any], wanted: Sequence[str]) -> Detections:
    kept = [item for item in line["found"] if item["label"] in wanted]
    boxes = np.array([item["box"] for item in kept], np.float32).reshape(-1, 4)
    scores = np.array([item["conf"] for item in kept], np.float32)
    return Detections(boxes, scores, np.array([wanted.index(item["label"]) for item in kept], np.int64))
