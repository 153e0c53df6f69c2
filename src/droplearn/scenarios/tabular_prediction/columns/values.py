"""Cells to texts, numbers and dates."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.tables.source import MISSING_WORDS
from droplearn.scenarios.tabular_prediction.columns.frame import Column

NumberStyle = Literal["plain", "grouped", "decimal_comma"]
"""1234.5 | $1,234.50 or 12 % | 1.234,50"""
Mask = NDArray[np.bool_]
_FEW = 64
"""Below, plain Python is faster than pandas: one row must not take milliseconds."""
_DECORATION = re.compile(r"[$€£¥₹%\s'’_]")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_NOT_FINITE = frozenset({"inf", "-inf", "+inf", "infinity", "-infinity"})
_MISSING = frozenset(MISSING_WORDS)


def as_texts(column: Column) -> list[str | None]:
    """Trimmed; None where missing."""
    if column.dtype.kind == "f":
        return [None if v != v else _plain(v) for v in column.tolist()]
    if column.dtype.kind == "M":
        return [None if text == "NaT" else text for text in np.datetime_as_string(column, unit="s").tolist()]
    trimmed = (None if v is None else v.strip() for v in column.tolist())
    return [None if v is None or v in _MISSING else v for v in trimmed]


def as_numbers(column: Column, style: NumberStyle = "plain") -> tuple[Floats, Mask]:
    """Finite numbers (NaN: missing), and which cells hold something that is no number."""
    if column.dtype.kind == "f":
        return np.where(np.isfinite(column), column, np.nan), np.zeros(len(column), dtype=bool)
    if column.dtype.kind == "M":
        return np.full(len(column), np.nan), ~np.isnat(column)
    texts = as_texts(column)
    numbers = _parse_many(texts) if style == "plain" and len(texts) > _FEW else _parse_each(texts, style)
    is_given = np.array([text is not None and text.casefold() not in _NOT_FINITE for text in texts], dtype=bool)
    return numbers, is_given & np.isnan(numbers)


def as_days(column: Column, date_format: str) -> tuple[Floats, Mask]:
    """Days since 1970 (NaN: missing), and which cells hold something that is no date of this format."""
    if column.dtype.kind == "M":
        days: Floats = column.astype("datetime64[us]").astype(np.float64) / 86_400e6
        return np.where(np.isnat(column), np.nan, days), np.zeros(len(column), dtype=bool)
    texts = as_texts(column)
    days = _days_of_many(texts, date_format) if len(texts) > _FEW else np.array([_days_of(text, date_format) for text in texts])
    is_given = np.array([text is not None for text in texts], dtype=bool)
    return days, is_given & np.isnan(days)


def _days_of_many(texts: list[str | None], date_format: str) -> Floats:
    import pandas as pd

    parsed = pd.to_datetime(pd.Series(texts, dtype=object), format=date_format, errors="coerce", utc=True)
    stamps = parsed.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    days: Floats = np.where(np.isnat(stamps), np.nan, stamps.astype(np.float64) / 86_400e6)
    return days


def _days_of(text: str | None, date_format: str) -> float:
    if text is None:
        return np.nan
    try:
        found = datetime.fromisoformat(text) if date_format == "ISO8601" else datetime.strptime(text, date_format)
    except ValueError:
        return np.nan
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() / 86_400


def _parse_many(texts: list[str | None]) -> Floats:
    import pandas as pd

    numbers = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(dtype=np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _parse_each(texts: list[str | None], style: NumberStyle) -> Floats:
    clean = _CLEANERS[style]
    return np.array([np.nan if text is None else _parse(clean(text)) for text in texts], dtype=np.float64)


def _parse(text: str) -> float:
    return float(text) if _NUMBER.fullmatch(text) else np.nan


def _grouped(text: str) -> str:
    """(1,234) is minus 1234: accountants write it so."""
    text = _DECORATION.sub("", text)
    if text.startswith("(") and text.endswith(")"):
        text = "-" + text[1:-1]
    return re.sub(r",(?=\d{3}(\D|$))", "", text)


def _decimal_comma(text: str) -> str:
    text = _DECORATION.sub("", text)
    return re.sub(r"\.(?=\d{3}(\D|$))", "", text).replace(",", ".") if "," in text else text


def _plain(value: Any) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


_CLEANERS: dict[NumberStyle, Callable[[str], str]] = {"plain": lambda text: text, "grouped": _grouped, "decimal_comma": _decimal_comma}
