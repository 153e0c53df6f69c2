"""From a network, a head and held-out predictions to the files of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from droplearn.contracts.model import BaseModelComparison, Candidate, StopReason, TensorSpec
from droplearn.networks.onnx_graph import add_classifier
from droplearn.scenarios.image_classification.pixels import CROP_FRACTION, RESAMPLE
from droplearn.scenarios.learning import DraftFile, ModelDraft
from droplearn.scenarios.learning.arrays import Floats, npz_bytes
from droplearn.scenarios.learning.held_out import HELD_OUT_FILE, LABELS_FILE, HeldOut, held_out_lines, valid_metrics
from droplearn.scenarios.learning.labelled_examples import LearningSet
from droplearn.scenarios.learning.logistic_regression import LinearHead

NETWORK_FILE, WEIGHTS_FILE = "model.onnx", "weights.npz"


@dataclass(frozen=True)
class Network:
    """What is saved as model.onnx. `weights`: only for a tuned network; the others are found again by name."""

    name: str
    size: int
    features: Any
    head: LinearHead
    temperature: float
    weights: Mapping[str, Floats] = field(default_factory=dict)


def make_draft(
    network: Network,
    data: LearningSet,
    held_out: HeldOut,
    *,
    stop_reason: StopReason,
    candidates: Sequence[Candidate] = (),
    base_model: BaseModelComparison | None = None,
    warnings: Sequence[str] = (),
) -> ModelDraft:
    """All files in memory; the harness writes them."""
    graph = add_classifier(network.features, network.head.weight, network.head.bias, network.temperature)
    files = [
        DraftFile(NETWORK_FILE, "network", graph.SerializeToString()),
        DraftFile(LABELS_FILE, "labels", "".join(f"{label}\n" for label in data.labels).encode()),
        DraftFile(HELD_OUT_FILE, "held_out_predictions", held_out_lines(data, held_out).encode()),
    ]
    if network.weights:
        files.append(DraftFile(WEIGHTS_FILE, "weights", npz_bytes(network.weights)))
    return ModelDraft(
        files=files,
        labels=data.labels,
        inputs=[TensorSpec(name="image", dtype="uint8", shape=[-1, network.size, network.size, 3], axes="NHWC")],
        outputs=[TensorSpec(name="probabilities", dtype="float32", shape=[-1, len(data.labels)], axes="NC")],
        metrics=valid_metrics(held_out.metrics),
        metrics_protocol=held_out.protocol,
        stop_reason=stop_reason,
        candidates=candidates,
        preprocessing={
            "network": network.name,
            "size": network.size,
            "crop_fraction": CROP_FRACTION,
            "resample": RESAMPLE,
            "color": "RGB",
        },
        temperature=network.temperature,
        base_model=base_model,
        warnings=warnings,
    )
