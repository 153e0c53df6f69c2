"""From a graph with a classifier and held-out predictions to the files of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from droplearn.contracts.model import BaseModelComparison, Candidate, StopReason, TensorSpec
from droplearn.scenarios.learning import DraftFile, ModelDraft
from droplearn.scenarios.learning.classification_report import HELD_OUT_FILE, NETWORK_FILE
from droplearn.scenarios.learning.held_out import LABELS_FILE, HeldOut, held_out_lines, valid_metrics
from droplearn.scenarios.learning.labelled_examples import LearningSet
from droplearn.scenarios.sound_classification.audio import SAMPLE_RATE
from droplearn.scenarios.sound_classification.feature_graph import INPUT
from droplearn.scenarios.sound_classification.windows import WindowShape


@dataclass(frozen=True)
class Network:
    """What is saved as model.onnx: `windows` to `probabilities`. `about`: what made it, for the manifest."""

    graph: Any
    shape: WindowShape
    temperature: float
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Remarks:
    """What the manifest tells beside the model."""

    stop_reason: StopReason
    candidates: Sequence[Candidate]
    warnings: Sequence[str]
    base_model: BaseModelComparison | None


def make_draft(network: Network, data: LearningSet, held_out: HeldOut, remarks: Remarks) -> ModelDraft:
    """All files in memory; the harness writes them."""
    files = [
        DraftFile(NETWORK_FILE, "network", network.graph.SerializeToString()),
        DraftFile(LABELS_FILE, "labels", "".join(f"{label}\n" for label in data.labels).encode()),
        DraftFile(HELD_OUT_FILE, "held_out_predictions", held_out_lines(data, held_out).encode()),
    ]
    return ModelDraft(
        files=files,
        labels=data.labels,
        inputs=[TensorSpec(name=INPUT, dtype="float32", shape=[-1, network.shape.samples], axes="WT")],
        outputs=[TensorSpec(name="probabilities", dtype="float32", shape=[1, len(data.labels)], axes="NC")],
        metrics=valid_metrics(held_out.metrics),
        metrics_protocol=held_out.protocol,
        stop_reason=remarks.stop_reason,
        candidates=remarks.candidates,
        preprocessing={"sample_rate": SAMPLE_RATE, "window_seconds": round(network.shape.seconds, 3), **network.about},
        temperature=network.temperature,
        base_model=remarks.base_model,
        warnings=remarks.warnings,
    )
