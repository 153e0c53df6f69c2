"""Columns that repeat another one, or the target itself: of use in training, of none when a prediction is asked for."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.tabular_prediction.columns.frame import Frame
from droplearn.scenarios.tabular_prediction.columns.kinds import IgnoredColumn, NumberColumn
from droplearn.scenarios.tabular_prediction.columns.plan import AnyColumn, Plan
from droplearn.scenarios.tabular_prediction.columns.values import as_numbers, as_texts
from droplearn.scenarios.tabular_prediction.metrics import binary_roc_auc
from droplearn.scenarios.tabular_prediction.training.problem import Problem
from droplearn.scenarios.tabular_prediction.training.profile import Told

MIN_ROWS = 30
SUSPICIOUS = 0.995
"""ROC AUC, or absolute correlation, of one column alone."""
COPY = 1 - 1e-9
"""Correlation with a number to predict."""


def drop_repetitions(plan: Plan, frame: Frame, problem: Problem, kept: Collection[str], told: Told) -> Plan:
    """The same plan, some columns ignored; and warnings about columns that predict too well to be true."""
    if frame.count < MIN_ROWS:
        return plan
    seen: dict[int, str] = {}
    return Plan(columns=[c if c.kind == "ignored" or c.name in kept else _examine(c, frame, problem, seen, told) for c in plan.columns])


def _examine(column: AnyColumn, frame: Frame, problem: Problem, seen: dict[int, str], told: Told) -> AnyColumn:
    texts = as_texts(frame.columns[column.name])
    codes = np.unique(np.array(["\0" if text is None else text for text in texts]), return_inverse=True)[1]
    numbers = as_numbers(frame.columns[column.name], column.style)[0] if isinstance(column, NumberColumn) else None
    strength = 0.0 if numbers is None else alone(numbers, problem)
    if is_copy(codes, problem) if problem.is_classification else strength >= COPY:
        told.add(
            f"Column {column.name!r} tells the target of every row: it is taken for a copy of the target and left out "
            "(option keep_columns uses it)."
        )
        return IgnoredColumn(name=column.name, reason="copy_of_target")
    same = seen.setdefault(hash(tuple(texts)), column.name)
    if same != column.name:
        told.add(f"Column {column.name!r} repeats column {same!r} and is left out.")
        return IgnoredColumn(name=column.name, reason="duplicate")
    if strength >= SUSPICIOUS:
        told.add(
            f"Column {column.name!r} alone nearly tells the target ({strength:.3f}). If it is not known when a prediction is asked "
            "for, leave it out (option ignore_columns)."
        )
    return column


def is_copy(codes: Integers, problem: Problem) -> bool:
    """Each value stands for one label and the other way round."""
    target = np.unique(problem.y, return_inverse=True)[1]
    pairs = len(np.unique(codes.astype(np.int64) * (int(target.max()) + 1) + target))
    distinct, labels = int(codes.max()) + 1, int(target.max()) + 1
    return pairs == distinct == labels


def alone(numbers: Floats, problem: Problem) -> float:
    """How well the number itself orders the target: ROC AUC of two labels, or the correlation; 0 for more labels."""
    known = ~np.isnan(numbers)
    if known.sum() < MIN_ROWS or problem.label_count > 2 or np.ptp(numbers[known]) == 0:
        return 0.0
    y = problem.y[known]
    if problem.is_classification:
        found = binary_roc_auc(y == 1, numbers[known])
        return max(found, 1 - found)
    return abs(float(np.corrcoef(numbers[known], y)[0, 1])) if np.ptp(y) else 0.0
