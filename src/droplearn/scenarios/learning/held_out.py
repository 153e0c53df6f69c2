"""Predictions for examples while each was held out: kept with the model, and what a new model is compared with its base model by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from droplearn.contracts.model import BaseModelComparison
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.learning.context import TrainingContext
from droplearn.scenarios.learning.labelled_examples import LearningSet

LABELS_FILE, HELD_OUT_FILE = "labels.txt", "held_out.jsonl"


@dataclass(frozen=True)
class HeldOut:
    """Predictions for examples while each was held out. `indices` into the learning set; probabilities (len(indices), K)."""

    indices: Integers
    probabilities: Floats
    protocol: Any  # "validation" | "cross_validation"
    metrics: Mapping[str, float]


def valid_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    """`valid_top1_accuracy`, ...; the log loss is the `valid_loss` of the live curves."""
    return {("valid_loss" if name == "log_loss" else f"valid_{name}"): value for name, value in metrics.items()}


def held_out_lines(data: LearningSet, held_out: HeldOut) -> str:
    """held_out.jsonl: one JSON object a line; probabilities in the order of the model's labels."""
    lines = []
    for index, row in zip(held_out.indices, held_out.probabilities, strict=True):
        example = data.examples[index]
        told = {
            "path": example.path,
            "label": example.label,
            "split": example.split,
            "is_old": example.is_old,
            "probabilities": [round(float(p), 6) for p in row],
        }
        lines.append(json.dumps(told, ensure_ascii=False) + "\n")
    return "".join(lines)


def compare(context: TrainingContext, data: LearningSet, held_out: HeldOut) -> tuple[BaseModelComparison | None, list[str]]:
    """Old and new model on old examples that both were asked about while these were held out; and a warning where the new one is worse."""
    if context.base is None:
        return None, []
    before = _base_predictions(context.base.folder / HELD_OUT_FILE, context.base.manifest.labels)
    predicted = held_out.probabilities.argmax(axis=1)
    pairs = [
        (before[key], data.labels[predicted[row]] == example.label)
        for row, index in enumerate(held_out.indices)
        if (example := data.examples[index]).is_old and (key := (example.path, example.label)) in before
    ]
    if not pairs:
        return None, ["The base model and this one have no held-out example in common: their accuracy on the old labels is not compared."]
    right_before, right_after = sum(b for b, _ in pairs), sum(a for _, a in pairs)
    has_fallen = right_before - right_after > max(1, 0.01 * len(pairs))
    comparison = BaseModelComparison(
        model_id=context.base.manifest.model_id,
        example_count=len(pairs),
        accuracy_before=right_before / len(pairs),
        accuracy_after=right_after / len(pairs),
        has_fallen=has_fallen,
    )
    told = f"On {len(pairs)} old examples the accuracy fell from {right_before / len(pairs):.3f} to {right_after / len(pairs):.3f}."
    return comparison, [told] if has_fallen else []


def _base_predictions(file: Path, labels: list[str]) -> dict[tuple[str, str], bool]:
    """(path, label) -> whether the base model was right about it while it was held out."""
    if not file.exists():
        return {}
    lines = (json.loads(line) for line in file.read_text("utf-8").splitlines() if line)
    return {(e["path"], e["label"]): labels[int(np.argmax(e["probabilities"]))] == e["label"] for e in lines}
