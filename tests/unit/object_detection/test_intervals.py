"""Intervals of a detector's metrics, by bootstrap over pictures."""

from __future__ import annotations

import numpy as np
import pytest

from droplearn.scenarios.object_detection.boxes import Detections
from droplearn.scenarios.object_detection.findings import Findings
from droplearn.scenarios.object_detection.intervals import average_precision, detection_intervals
from droplearn.scenarios.object_detection.measuring import Measured, measure
from droplearn.scenarios.object_detection.metrics import Truth

LABELS = ["cat", "dog"]


def scenes(count: int, seed: int = 0) -> tuple[list[Truth], list[Detections]]:
    """A cat and a dog on each picture; some are found, some beside, some with the other's name."""
    random = np.random.default_rng(seed)
    truths, found = [], []
    for _ in range(count):
        boxes = np.array([[0.1, 0.1, 0.4, 0.4], [0.5, 0.5, 0.9, 0.9]], np.float32)
        truths.append(Truth(100, 100, boxes, np.array([0, 1]), np.zeros(2, np.int64)))
        moved = boxes + random.choice([0, 0, 0.3], 2)[:, None].astype(np.float32)
        scores = np.sort(random.uniform(0.05, 1, 2))[::-1]
        found.append(Detections(moved, scores, random.permutation([0, 1]) if random.uniform() < 0.2 else np.array([0, 1])))
    return truths, found


def test_average_precision_is_that_of_coco():
    truths, found = scenes(40)
    precision, _ = measure(truths, [Measured(one, None) for one in found], 2)
    paths = [f"{n}.jpg" for n in range(40)]
    rows = sorted(
        (row for row in Findings.of(LABELS, paths, truths, found).found if row.predicted == "cat"), key=lambda row: -row.confidence
    )
    own = average_precision(np.ones(len(rows)), np.array([row.label is not None for row in rows]), 40)
    assert own == pytest.approx(precision.by_label_50[0], abs=0.01)


def test_intervals_contain_the_figures_and_shrink_with_more_pictures():
    widths = []
    for count in (10, 400):
        truths, found = scenes(count)
        paths = [f"{n}.jpg" for n in range(count)]
        _, metrics = measure(truths, [Measured(one, None) for one in found], 2)
        intervals = detection_intervals(Findings.of(LABELS, paths, truths, found), paths)
        for name, (low, high) in intervals.items():
            assert low - 0.01 <= metrics[name] <= high + 0.01, name
        widths.append(np.ptp(intervals["map_50"]))
    assert widths[1] < widths[0] / 3


def test_a_detector_that_finds_nothing_has_intervals_too():
    truths, _ = scenes(3)
    nothing = Detections(np.zeros((0, 4), np.float32), np.zeros(0), np.zeros(0, np.int64))
    found = detection_intervals(Findings.of(LABELS, ["a", "b", "c"], truths, [nothing] * 3), ["a", "b", "c"])
    assert set(found.values()) == {(0.0, round(1 - 0.025 ** (1 / 3), 6))}
