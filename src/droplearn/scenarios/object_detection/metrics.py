"""Detection metrics: mean average precision as COCO defines it, and precision, recall, F1 at one threshold.

Source: Lin et al., "Microsoft COCO: Common Objects in Context", 2014, and the COCO API. map_50: IoU 0.5; map_50_95: mean over IoU 0.5 to
0.95 in steps of 0.05; labels without a true box do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.object_detection.boxes import Detections, area, iou

MATCH_IOU = 0.5


class Truth(NamedTuple):
    """What is on a picture of width x height pixels. `boxes`: (G, 4), parts of the sides; `is_difficult`: neither asked for nor wrong."""

    width: int
    height: int
    boxes: Floats
    labels: Integers
    is_difficult: Integers


@dataclass(frozen=True)
class AveragePrecision:
    """`by_label`: one entry a label; NaN without a true box."""

    map_50: float
    map_50_95: float
    by_label_50: Floats
    by_label_50_95: Floats
    precision_at_recall: Floats = field(default_factory=lambda: np.zeros((0, 101)))
    """(K, 101) at IoU 0.5, recall 0, 0.01, ..., 1; -1 without a true box."""
    score_at_recall: Floats = field(default_factory=lambda: np.zeros((0, 101)))
    """(K, 101) the threshold that gives that recall."""


@dataclass(frozen=True)
class Matched:
    """Detections and true boxes of one picture, paired. `truth_of`: (N,) index of the true box, or -1; `is_ignored`: on a difficult one."""

    truth_of: Integers
    iou_of: Floats
    is_ignored: Integers
    missed: Integers
    """Indices of true boxes, not difficult, that nothing found."""


def average_precision(truths: Sequence[Truth], found: Sequence[Detections], label_count: int) -> AveragePrecision:
    """Over all pictures; found[i] belongs to truths[i]."""
    nothing = np.full(label_count, np.nan)
    if not any((t.is_difficult == 0).any() for t in truths):
        return AveragePrecision(0.0, 0.0, nothing, nothing)
    if not any(len(d.scores) for d in found):
        zeros = np.where(support(truths, label_count) > 0, 0.0, np.nan)
        return AveragePrecision(0.0, 0.0, zeros, zeros)
    evaluated = _evaluate(truths, found, label_count)
    precision, scores = evaluated["precision"][:, :, :, 0, -1], evaluated["scores"][:, :, :, 0, -1]  # (IoU, recall, K)
    by_label = np.where(precision.max(axis=1) < 0, np.nan, precision.mean(axis=1))  # (IoU, K)
    return AveragePrecision(
        map_50=float(np.nanmean(by_label[0])),
        map_50_95=float(np.nanmean(by_label)),
        by_label_50=by_label[0],
        by_label_50_95=by_label.mean(axis=0),
        precision_at_recall=precision[0].T,
        score_at_recall=scores[0].T,
    )


def match(truth: Truth, found: Detections, threshold: float) -> Matched:
    """Each detection of at least the threshold, best first, takes the free true box of its label that it overlaps most, by IoU 0.5."""
    kept = found.scores >= threshold
    size = np.array([truth.width, truth.height] * 2, np.float32)
    overlaps = np.where(found.labels[:, None] == truth.labels[None, :], iou(found.boxes * size, truth.boxes * size), 0.0)
    truth_of, iou_of = np.full(len(found.scores), -1), np.zeros(len(found.scores))
    is_ignored = ~kept
    is_free = np.ones(len(truth.labels), bool)
    for i in np.flatnonzero(kept):
        options = np.where(is_free | (truth.is_difficult > 0), overlaps[i], 0.0)
        best = int(options.argmax()) if len(options) else -1
        if best < 0 or options[best] < MATCH_IOU:
            continue
        if truth.is_difficult[best]:
            is_ignored[i] = True
        else:
            truth_of[i], iou_of[i], is_free[best] = best, options[best], False
    return Matched(truth_of, iou_of, is_ignored.astype(int), np.flatnonzero(is_free & (truth.is_difficult == 0)))


def counts_at(
    truths: Sequence[Truth], found: Sequence[Detections], label_count: int, threshold: float
) -> tuple[Integers, Integers, Integers]:
    """(K,) right detections, detections, true boxes."""
    right, predicted = np.zeros(label_count, int), np.zeros(label_count, int)
    for truth, detections in zip(truths, found, strict=True):
        matched = match(truth, detections, threshold)
        counted = detections.labels[matched.is_ignored == 0]
        predicted += np.bincount(counted, minlength=label_count)
        right += np.bincount(detections.labels[matched.truth_of >= 0], minlength=label_count)
    return right, predicted, support(truths, label_count)


def ratios(right: Floats | Integers, predicted: Floats | Integers, wanted: Floats | Integers) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1; 0 where the denominator is."""

    def share(part: Any, whole: Any) -> Floats:
        return np.divide(part, whole, out=np.zeros(np.shape(part)), where=np.asarray(whole) > 0)

    return share(right, predicted), share(right, wanted), share(2 * np.asarray(right), np.asarray(predicted) + np.asarray(wanted))


def support(truths: Sequence[Truth], label_count: int) -> Integers:
    """(K,) true boxes that are asked for."""
    counts = np.zeros(label_count, int)
    for truth in truths:
        counts += np.bincount(truth.labels[truth.is_difficult == 0], minlength=label_count)
    return counts


def _evaluate(truths: Sequence[Truth], found: Sequence[Detections], label_count: int) -> Any:
    from faster_coco_eval import COCO, COCOeval_faster

    annotations: list[dict[str, Any]] = []
    images: list[dict[str, int]] = []
    for image, truth in enumerate(truths):
        images.append({"id": image, "width": truth.width, "height": truth.height})
        size = np.array([truth.width, truth.height] * 2, np.float32)
        boxes = truth.boxes * size
        for box, surface, label, crowd in zip(_corner_and_size(boxes), area(boxes), truth.labels, truth.is_difficult, strict=True):
            told = {"id": len(annotations) + 1, "image_id": image, "category_id": int(label) + 1, "bbox": box, "area": float(surface)}
            annotations.append(told | {"iscrowd": int(crowd)})
    rows = []
    for image, (truth, detections) in enumerate(zip(truths, found, strict=True)):
        boxes = detections.boxes * np.array([truth.width, truth.height] * 2, np.float32)
        for box, score, label in zip(_corner_and_size(boxes), detections.scores, detections.labels, strict=True):
            rows.append({"image_id": image, "category_id": int(label) + 1, "bbox": box, "score": float(score)})
    categories = [{"id": label + 1, "name": str(label)} for label in range(label_count)]
    expected = COCO({"images": images, "annotations": annotations, "categories": categories})
    evaluator = COCOeval_faster(expected, expected.loadRes(rows), iouType="bbox", print_function=_silent)
    evaluator.evaluate()
    evaluator.accumulate()
    return evaluator.eval


def _corner_and_size(boxes: Floats) -> list[list[float]]:
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).astype(float).tolist()


def _silent(*_: object) -> None:
    """faster-coco-eval prints progress; stdout belongs to the metric lines."""
