"""Confidence intervals by bootstrap, so that nobody trusts a point of three examples."""

from __future__ import annotations

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers

RESAMPLES = 1000
_TAIL = 0.025
_MOST_CELLS = 20_000_000


def classification_intervals(confusion: Integers, seed: int = 0) -> dict[str, tuple[float, float]]:
    """95 %, percentile method, of `top1_accuracy`, `macro_precision`, `macro_recall`, `macro_f1`. confusion: (K, K), row: true label.

    Resampling examples with replacement is drawing the confusion matrix from a multinomial. Source: Efron and Tibshirani 1993, chapter 13.
    """
    count, labels = int(confusion.sum()), len(confusion)
    if count == 0:
        return {}
    resamples = max(100, min(RESAMPLES, _MOST_CELLS // labels**2))
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(count, confusion.reshape(-1) / count, size=resamples).reshape(resamples, labels, labels)
    right = np.diagonal(drawn, axis1=1, axis2=2).astype(np.float64)
    support, predicted = drawn.sum(axis=2), drawn.sum(axis=1)
    precision, recall = _ratio(right, predicted), _ratio(right, support)
    f1 = _ratio(2 * right, support + predicted)
    occurs = support > 0
    found = {
        "top1_accuracy": right.sum(axis=1) / count,
        "macro_precision": _mean_of(precision, occurs),
        "macro_recall": _mean_of(recall, occurs),
        "macro_f1": _mean_of(f1, occurs),
    }
    return {name: share_interval(values, count) for name, values in found.items()}


def share_interval(values: Floats, count: int) -> tuple[float, float]:
    """Of figures from 0 to 1. Where all `count` examples are right, or all wrong, every resample is alike and says nothing of chance: then
    the bound that so many still allow. Source: Clopper and Pearson 1934, the case of n successes in n trials.
    """
    low, high = interval(values)
    bound = _TAIL ** (1 / max(1, count))
    return (round(bound, 6) if low == 1 else low), (round(1 - bound, 6) if high == 0 else high)


def interval(values: Floats) -> tuple[float, float]:
    """The middle 95 % of resampled figures."""
    low, high = np.percentile(values, [2.5, 97.5])
    return round(float(low), 6), round(float(high), 6)


def _ratio(one: Floats, other: Integers) -> Floats:
    result: Floats = np.divide(one, other, out=np.zeros_like(one), where=other > 0)
    return result


def _mean_of(values: Floats, occurs: Integers) -> Floats:
    result: Floats = (values * occurs).sum(axis=1) / np.maximum(occurs.sum(axis=1), 1)
    return result
