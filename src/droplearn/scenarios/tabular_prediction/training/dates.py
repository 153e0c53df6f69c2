"""Recognises columns of dates and times, and their format."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from droplearn.scenarios.tabular_prediction.columns.frame import Column
from droplearn.scenarios.tabular_prediction.columns.kinds import DATE_PARTS, DatePart, date_part
from droplearn.scenarios.tabular_prediction.columns.values import as_days

DATE_SHARE = 0.98
_TRIED = 500
"""Different values that a format is tried on before all are."""
_SHAPES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"\d{4}-\d{1,2}-\d{1,2}([T ].*)?", ("ISO8601", "%Y-%m-%d", "%Y-%m-%d %H:%M")),
    (r"\d{4}/\d{1,2}/\d{1,2}.*", ("%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M")),
    (r"\d{4}\.\d{1,2}\.\d{1,2}.*", ("%Y.%m.%d", "%Y.%m.%d %H:%M:%S")),
    (r"\d{1,2}/\d{1,2}/\d{4}.*", ("%m/%d/%Y", "%d/%m/%Y", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M")),
    (r"\d{1,2}/\d{1,2}/\d{2}( .*)?", ("%m/%d/%y", "%d/%m/%y", "%m/%d/%y %H:%M", "%d/%m/%y %H:%M")),
    (r"\d{1,2}\.\d{1,2}\.\d{4}.*", ("%d.%m.%Y", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M")),
    (r"\d{1,2}-\d{1,2}-\d{4}.*", ("%d-%m-%Y", "%m-%d-%Y", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y %H:%M")),
    (r"\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}.*", ("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%d-%b-%y", "%d-%b-%Y %H:%M:%S")),
    (r"[A-Za-z]{3,9} \d{1,2},? \d{4}.*", ("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y")),
    (r"(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])", ("%Y%m%d",)),
    (r"\d{4}-\d{2}", ("%Y-%m",)),
    (r"\d{4}年\d{1,2}月\d{1,2}日", ("%Y年%m月%d日",)),
    (r"\d{1,2}:\d{2}(:\d{2})?", ("%H:%M:%S", "%H:%M")),
)


@dataclass(frozen=True)
class FoundDate:
    """A format and the parts that vary. `note`: where day and month could be the other way round."""

    format: str
    parts: list[DatePart]
    note: str = ""


def find_date(name: str, column: Column, counts: Counter[str]) -> FoundDate | None:
    """None: not a column of dates."""
    if column.dtype.kind == "f":
        return None
    fitting = [""] if column.dtype.kind == "M" else _formats(list(counts))
    if not fitting:
        return None
    days, _ = as_days(column, fitting[0])
    known = days[~np.isnan(days)]
    parts = [part for part in DATE_PARTS if len(known) and np.ptp(date_part(known, part)) > 0]
    is_clock = fitting[0].startswith("%H")
    note = ""
    if len(fitting) > 1 and {fitting[0][:2], fitting[1][:2]} == {"%d", "%m"}:
        note = f"Dates in column {name!r} fit {fitting[0]} and {fitting[1]}; the first is used."
    return FoundDate(fitting[0], ["hour"] if is_clock else parts, note)


def _formats(values: list[str]) -> list[str]:
    """Those that fit nearly all values."""
    sample = values[:_TRIED]
    for shape, formats in _SHAPES:
        pattern = re.compile(shape)
        if sum(pattern.fullmatch(value) is not None for value in sample) >= DATE_SHARE * len(sample):
            fitting = [form for form in formats if _share(sample, form) >= DATE_SHARE]
            return [form for form in fitting if len(values) <= _TRIED or _share(values, form) >= DATE_SHARE]
    return []


def _share(values: list[str], date_format: str) -> float:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    days, _ = as_days(column, date_format)
    return float((~np.isnan(days)).mean())
