"""One picture through a detector, and the metrics of many. Trainer and evaluator share it. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from droplearn.scenarios.object_detection.assignment import Losses, Targets, assign, losses
from droplearn.scenarios.object_detection.boxes import Detections, detect, fitted, letterbox
from droplearn.scenarios.object_detection.inference import LOWEST_SCORE, Graph
from droplearn.scenarios.object_detection.metrics import AveragePrecision, Truth, average_precision, counts_at, ratios
from droplearn.scenarios.object_detection.serving import DEFAULT_THRESHOLD
from droplearn.scenarios.pictures import Pixels

LOSS_NAMES = ("classification_loss", "localization_loss", "total_loss")


class Asked(NamedTuple):
    """A picture in the network's square, and what it should answer."""

    pixels: Pixels
    truth: Truth
    targets: Targets

    @classmethod
    def make(cls, pixels: Pixels, truth: Truth, size: int) -> Asked:
        """pixels: of the whole picture, at any scale."""
        square = np.array(fitted(truth.width, truth.height, size) * 2, np.float32)
        return cls(letterbox(pixels, size), truth, assign(truth.boxes * square, truth.labels, truth.is_difficult, size))


class Measured(NamedTuple):
    """What the detector found on a picture, and its losses; None where they were not kept."""

    found: Detections
    losses: Losses | None


def look(graph: Graph, asked: Asked, nms_iou: float) -> Measured:
    """Everything that is found, however unsure."""
    boxes, scores = graph.detect(asked.pixels)
    found = detect(boxes, scores, asked.truth.width, asked.truth.height, size=graph.size, threshold=LOWEST_SCORE, nms_iou=nms_iou)
    return Measured(found, losses(scores, boxes, asked.targets))


def measure(truths: Sequence[Truth], rows: Sequence[Measured], label_count: int) -> tuple[AveragePrecision, dict[str, float]]:
    """The scenario's metrics; the losses only where they were kept."""
    found = [row.found for row in rows]
    precision = average_precision(truths, found, label_count)
    at_threshold = (counts.sum() for counts in counts_at(truths, found, label_count, DEFAULT_THRESHOLD))
    p, r, f1 = (float(value) for value in ratios(*at_threshold))
    metrics = {"map_50": precision.map_50, "map_50_95": precision.map_50_95, "precision": p, "recall": r, "f1": f1}
    kept = [row.losses for row in rows if row.losses is not None]
    if kept:
        positives = max(1, sum(loss.positives for loss in kept))
        parts = (sum(loss.classification for loss in kept) / positives, sum(loss.localization for loss in kept) / positives)
        metrics |= dict(zip(LOSS_NAMES, (*parts, sum(parts)), strict=True))
    return precision, metrics
