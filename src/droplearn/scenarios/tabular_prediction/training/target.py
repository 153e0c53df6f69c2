"""What the target is: a class or a number, and why. Rows without it are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.tabular_prediction.columns.frame import Column
from droplearn.scenarios.tabular_prediction.columns.values import NumberStyle, as_numbers, as_texts
from droplearn.scenarios.tabular_prediction.spec import CLASSIFICATION_METRICS, REGRESSION_METRICS, SPEC
from droplearn.scenarios.tabular_prediction.wishes import check_metric

Problem = Literal["classification", "regression"]
MAX_LABELS = 1000
FEW_NUMBERS = 10
"""Up to so many different whole numbers are classes."""
MANY_NUMBERS = 100
"""Up to so many may be, when each occurs about as often as the others; measurements have rare extremes."""
MIN_ROWS = 10
_WHOLE = "different whole numbers"


@dataclass(frozen=True)
class Target:
    """`rows`: of the frame, those that are learnt from. `y`: (len(rows),) label indices, or numbers. `reason`: why this problem."""

    name: str
    problem: Problem
    reason: str
    rows: Integers
    y: Integers | Floats
    labels: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    @property
    def is_classification(self) -> bool:
        """Else a regression."""
        return self.problem == "classification"

    @property
    def sentence(self) -> str:
        """The problem and its reason."""
        return f"{self.problem.capitalize()}, because of the target {self.name!r}: {self.reason}."

    @property
    def is_guess(self) -> bool:
        """Whole numbers can be either."""
        return _WHOLE in self.reason


def read_target(
    name: str, column: Column, problem: str, metric: str, selected: Sequence[str] | None = None, *, decimal_comma: bool = False
) -> Target:
    """problem: auto, classification or regression; a metric other than auto decides, too. selected: labels that are learnt, None for all.

    Raises:
        InvalidDataset: `dataset.empty`, `dataset.too_few_examples`, `dataset.one_label`, `dataset.bad_target`.
        InvalidRequest: `option.invalid`.
    """
    texts = as_texts(column)
    if selected is not None:
        texts = [text if text in selected else None for text in texts]
    given = np.array([i for i, text in enumerate(texts) if text is not None], dtype=np.int64)
    if len(given) < MIN_ROWS:
        raise InvalidDataset(
            "dataset.too_few_examples" if len(given) else "dataset.empty",
            f"Only {len(given)} rows have a value in the target column {name!r}.",
            hint=f"At least {MIN_ROWS} rows are needed; option target names another column.",
        )
    missing = len(texts) - len(given)
    told = [f"{missing} of {len(texts)} rows have no value in the target column {name!r} and are left out."] if missing else []
    numbers = _numbers(column[given], decimal_comma)
    chosen, reason = decide_problem([texts[i] or "" for i in given], numbers, problem, metric)
    if chosen == "regression":
        return _regression(name, reason, given, numbers, told)
    return _classification(name, reason, given, [texts[i] or "" for i in given], told)


def decide_problem(texts: list[str], numbers: Floats | None, problem: str, metric: str) -> tuple[Problem, str]:
    """And the reason in words. Raises InvalidRequest when problem and metric contradict each other."""
    by_metric: Problem | None = (
        "classification" if metric in CLASSIFICATION_METRICS else "regression" if metric in REGRESSION_METRICS else None
    )
    if problem in ("classification", "regression"):
        check_metric(problem, metric)
        return ("classification" if problem == "classification" else "regression"), "it was asked for (option problem)"
    if by_metric is not None:
        return by_metric, f"the metric {metric} was asked for"
    if numbers is None:
        return "classification", "its values are words"
    return _by_values(texts, numbers)


def _by_values(texts: list[str], numbers: Floats) -> tuple[Problem, str]:
    counts = Counter(texts)
    distinct = len(np.unique(numbers))
    if distinct == 2:
        return "classification", "it has two values"
    if (numbers != np.floor(numbers)).any():
        return "regression", "its values are numbers with fractions"
    if distinct <= FEW_NUMBERS:
        return "classification", f"it has only {distinct} {_WHOLE}"
    average = len(texts) / distinct
    if distinct <= MANY_NUMBERS and min(counts.values()) >= max(5, average / 4):
        return "classification", f"its {distinct} {_WHOLE} occur about equally often"
    return "regression", f"it has {distinct} {_WHOLE}, some of them rare"


def _numbers(column: Column, decimal_comma: bool) -> Floats | None:
    """None where a value is no number."""
    styles: list[NumberStyle] = ["decimal_comma", "plain", "grouped"] if decimal_comma else ["plain", "grouped"]
    for style in styles:
        numbers, bad = as_numbers(column, style)
        if not bad.any() and not np.isnan(numbers).any():
            return numbers
    return None


def _regression(name: str, reason: str, rows: Integers, numbers: Floats | None, told: list[str]) -> Target:
    if numbers is None:
        raise InvalidDataset(
            "dataset.bad_target",
            f"The target column {name!r} holds words, not numbers: it cannot be a regression.",
            hint="Correct the column, or leave option problem at auto.",
        )
    if len(np.unique(numbers)) < 2:
        raise InvalidDataset(
            "dataset.one_label",
            f"The target column {name!r} has one value only.",
            hint="There is nothing to predict; choose another target.",
        )
    return Target(name, "regression", reason, rows, numbers, (), tuple(told))


def _classification(name: str, reason: str, rows: Integers, texts: list[str], told: list[str]) -> Target:
    counts = Counter(texts)
    if len(counts) > min(MAX_LABELS, len(texts) // 2):
        raise InvalidDataset(
            "dataset.bad_target",
            f"The target column {name!r} has {len(counts):,} different words in {len(texts):,} rows: these are no classes.",
            hint="Choose another column with option target.",
        )
    least = SPEC.limits.min_examples_per_label
    rare = sorted(label for label, count in counts.items() if count < least)
    if rare:
        told.append(f"{len(rare)} labels occur once only and are left out: {', '.join(rare[:5])}{', ...' if len(rare) > 5 else ''}.")
    labels = sorted((label for label, count in counts.items() if count >= least), key=label_order)
    if len(labels) < SPEC.limits.min_labels:
        raise InvalidDataset(
            "dataset.one_label",
            f"The target column {name!r} has {'only the label ' + repr(labels[0]) if labels else 'no label that occurs twice'}.",
            hint="Classification needs at least two labels; option target names another column.",
        )
    index = {label: i for i, label in enumerate(labels)}
    kept = [i for i, text in enumerate(texts) if text in index]
    told.extend(_sparse(counts, labels))
    y = np.array([index[texts[i]] for i in kept], dtype=np.int64)
    return Target(name, "classification", reason, rows[kept], y, tuple(labels), tuple(told))


def label_order(label: str) -> tuple[bool, float, str]:
    """Numbers by value, then words."""
    try:
        return (False, float(label), label)
    except ValueError:
        return (True, 0.0, label)


def _sparse(counts: Counter[str], labels: list[str]) -> list[str]:
    wanted = SPEC.limits.recommended_examples_per_label
    sparse = [label for label in labels if counts[label] < wanted]
    told = []
    if sparse:
        shown = ", ".join(sparse[:5]) + (", ..." if len(sparse) > 5 else "")
        told.append(f"{len(sparse)} of {len(labels)} labels have fewer than {wanted} rows: {shown}.")
    most, least = max(labels, key=counts.__getitem__), min(labels, key=counts.__getitem__)
    if counts[most] >= 5 * counts[least]:
        told.append(f"The labels are unbalanced: {counts[most]} rows of {most}, {counts[least]} of {least}.")
    return told
