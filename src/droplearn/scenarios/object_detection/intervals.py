"""Confidence intervals of a detector's metrics, by bootstrap over the pictures: the objects of one picture are not independent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from droplearn.scenarios.learning.arrays import Bools, Floats, Integers
from droplearn.scenarios.learning.intervals import RESAMPLES, share_interval
from droplearn.scenarios.object_detection.findings import Finding, Findings
from droplearn.scenarios.object_detection.metrics import ratios
from droplearn.scenarios.object_detection.serving import DEFAULT_THRESHOLD

_RECALLS = np.linspace(0, 1, 101)
_MOST_NUMBERS, _MOST_LABELS = 20_000_000, 20_000


class _Label(NamedTuple):
    """Detections of one label, most confident first, and how many true objects each picture has."""

    picture: Integers
    is_true: Bools
    is_told: Bools
    positives: Integers


def detection_intervals(findings: Findings, paths: Sequence[str], seed: int = 0) -> dict[str, tuple[float, float]]:
    """95 %, percentile method, of `map_50`, `precision`, `recall`, `f1`. Source: Efron and Tibshirani 1993, chapter 13."""
    labels, generator = _by_label(findings, paths), np.random.default_rng(seed)
    resamples = min(RESAMPLES, _MOST_NUMBERS // max(1, len(findings.found)), _MOST_LABELS // max(1, len(labels)))
    rows = [_measured(labels, _drawn(generator, len(paths))) for _ in range(max(100, resamples))]
    return {
        name: share_interval(np.array(values), len(paths))
        for name, values in zip(("map_50", "precision", "recall", "f1"), zip(*rows, strict=True), strict=True)
    }


def _drawn(generator: np.random.Generator, count: int) -> Integers:
    """How often each picture is in the sample."""
    times: Integers = np.bincount(generator.integers(0, count, count), minlength=count)
    return times


def _by_label(findings: Findings, paths: Sequence[str]) -> list[_Label]:
    place = {path: i for i, path in enumerate(paths)}
    found: dict[str, list[Finding]] = {label: [] for label in findings.labels}
    positives = {label: np.zeros(len(paths), np.int64) for label in findings.labels}
    for row in findings.found:
        found[row.predicted or ""].append(row)
    for row in [*findings.found, *findings.missed]:
        if row.label is not None:
            positives[row.label][place[row.path]] += 1
    return [_label(rows, place, positives[label]) for label, rows in found.items()]


def _label(rows: list[Finding], place: dict[str, int], positives: Integers) -> _Label:
    ordered = sorted(rows, key=lambda row: -(row.confidence or 0.0))
    return _Label(
        np.array([place[row.path] for row in ordered], np.int64),
        np.array([row.label is not None for row in ordered], bool),
        np.array([(row.confidence or 0.0) >= DEFAULT_THRESHOLD for row in ordered], bool),
        positives,
    )


def _measured(labels: Sequence[_Label], times: Integers) -> tuple[float, float, float, float]:
    precisions, right, told, wanted = list[float](), 0.0, 0.0, 0.0
    for label in labels:
        weights, positives = times[label.picture], int(times @ label.positives)
        if positives:
            precisions.append(average_precision(weights, label.is_true, positives))
        right += float(weights[label.is_true & label.is_told].sum())
        told += float(weights[label.is_told].sum())
        wanted += positives
    p, r, f1 = (float(value) for value in ratios(np.array(right), np.array(told), np.array(wanted)))
    return float(np.mean(precisions)) if precisions else 0.0, p, r, f1


def average_precision(weights: Integers | Floats, is_true: Bools, positives: int) -> float:
    """As COCO defines it: the mean over 101 recalls of the best precision at that recall or above. A detection counts `weights` times."""
    hits, seen = (weights * is_true).cumsum(), weights.cumsum()
    precision = hits / np.maximum(seen, 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    reached = np.searchsorted(hits / positives, _RECALLS, side="left")
    return float(np.append(best, 0.0)[reached].mean())
