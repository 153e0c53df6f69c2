"""Confidence intervals of what is read, by bootstrap over the pages: the lines of one page are not independent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from droplearn.scenarios.learning.intervals import RESAMPLES, share_interval
from droplearn.scenarios.ocr.fields.values import Kind
from droplearn.scenarios.ocr.measures import PageResult, field_scores


def page_intervals(pages: Sequence[PageResult], kinds: Mapping[str, Kind], seed: int = 0) -> dict[str, tuple[float, float]]:
    """95 %, percentile method, of `line_accuracy_end_to_end` and, with fields, `field_macro_f1`."""
    times = np.random.default_rng(seed).multinomial(len(pages), np.full(len(pages), 1 / len(pages)), size=RESAMPLES)  # (R, P)
    lines = times @ np.array([[sum(line.is_found for line in page.lines), len(page.lines)] for page in pages])  # (R, 2)
    found = {"line_accuracy_end_to_end": lines[:, 0] / np.maximum(lines[:, 1], 1)} if lines.any() else {}
    if kinds:
        counts = np.array([_counts(page, kinds) for page in pages])  # (P, F, 3)
        right, predicted, support = np.moveaxis(np.tensordot(times, counts, axes=1), 2, 0)  # each (R, F)
        occurs = support + predicted > 0
        f1 = np.where(occurs, 2 * right / np.maximum(support + predicted, 1), 0)
        found["field_macro_f1"] = f1.sum(axis=1) / np.maximum(occurs.sum(axis=1), 1)
    return {name: share_interval(values, len(pages)) for name, values in found.items()}


def _counts(page: PageResult, kinds: Mapping[str, Kind]) -> list[list[int]]:
    scores = field_scores([page], kinds, lambda one: one.found)
    return [[score.right, score.predicted, score.support] for score in scores.values()]
