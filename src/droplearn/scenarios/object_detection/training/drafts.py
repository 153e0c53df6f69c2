"""From weights and held-out detections to the files of a model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from droplearn.contracts.model import BaseModelComparison, Candidate, StopReason, TensorSpec
from droplearn.networks.detector_graph import detector_graph
from droplearn.networks.detector_plan import DetectorPlan, points
from droplearn.scenarios.learning import DraftFile, ModelDraft
from droplearn.scenarios.learning.arrays import Floats, Integers, npz_bytes
from droplearn.scenarios.object_detection.boxes import Detections

if TYPE_CHECKING:
    from droplearn.scenarios.object_detection.training.examples import LearningSet

NETWORK_FILE, LABELS_FILE, HELD_OUT_FILE, WEIGHTS_FILE = "model.onnx", "labels.txt", "held_out.jsonl", "weights.npz"
_DIGITS = 5


@dataclass(frozen=True)
class Network:
    """What is saved. `early`: the backbone's weights that are never trained; `trained`: the arrays of networks.detector.Detector."""

    plan: DetectorPlan
    size: int
    nms_iou: float
    early: Mapping[str, Floats]
    trained: Mapping[str, Floats]

    def graph(self) -> bytes:
        """The ONNX file."""
        written: bytes = detector_graph(self.plan, {**self.early, **self.trained}, self.size).SerializeToString()
        return written


@dataclass(frozen=True)
class HeldOut:
    """What was found on the pictures `indices` of the learning set, which the network has not learnt from."""

    indices: Integers
    found: Sequence[Detections]
    metrics: Mapping[str, float]


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
    count, size = len(points(network.size)[0]), network.size
    return ModelDraft(
        files=[
            DraftFile(NETWORK_FILE, "network", network.graph()),
            DraftFile(LABELS_FILE, "labels", "".join(f"{label}\n" for label in data.labels).encode()),
            DraftFile(HELD_OUT_FILE, "held_out_predictions", held_out_lines(data, held_out).encode()),
            DraftFile(WEIGHTS_FILE, "weights", npz_bytes(network.trained)),
        ],
        labels=data.labels,
        inputs=[TensorSpec(name="image", dtype="uint8", shape=[-1, size, size, 3], axes="NHWC")],
        outputs=[
            TensorSpec(name="boxes", dtype="float32", shape=[-1, count, 4], axes="NPC"),
            TensorSpec(name="scores", dtype="float32", shape=[-1, count, len(data.labels)], axes="NPC"),
        ],
        metrics={f"valid_{name}": value for name, value in held_out.metrics.items()},
        metrics_protocol="validation",
        stop_reason=stop_reason,
        candidates=candidates,
        preprocessing={"network": network.plan.network, "size": size, "fit": "letterbox", "color": "RGB", "nms_iou": network.nms_iou},
        base_model=base_model,
        warnings=warnings,
    )


def held_out_lines(data: LearningSet, held_out: HeldOut) -> str:
    """held_out.jsonl: one JSON object a picture; boxes are parts of its sides: left, top, right, bottom."""
    lines = []
    for index, found in zip(held_out.indices, held_out.found, strict=True):
        picture, truth = data.pictures[index], data.truths[index]
        told = {
            "path": picture.path,
            "split": picture.split,
            "is_old": picture.is_old,
            "width": picture.width,
            "height": picture.height,
            "objects": [
                {"label": data.labels[label], "box": _rounded(box), "is_difficult": bool(difficult)}
                for box, label, difficult in zip(truth.boxes, truth.labels, truth.is_difficult, strict=True)
            ],
            "found": [
                {"label": data.labels[label], "conf": round(float(score), _DIGITS), "box": _rounded(box)}
                for box, score, label in zip(*found, strict=True)
            ],
        }
        lines.append(json.dumps(told, ensure_ascii=False) + "\n")
    return "".join(lines)


def _rounded(box: Floats) -> list[float]:
    return [round(float(v), _DIGITS) for v in box]
