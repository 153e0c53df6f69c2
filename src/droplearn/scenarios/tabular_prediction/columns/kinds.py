"""The kinds of columns, each with how its cells become numbers and codes. Plain data: a plan is saved as JSON."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

import numpy as np
from pydantic import Field

from droplearn.contracts.document import Part
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.tabular_prediction.columns.frame import Column
from droplearn.scenarios.tabular_prediction.columns.values import Mask, NumberStyle, as_days, as_numbers, as_texts

MISSING_CODE, UNKNOWN_CODE, FIRST_CODE = 0, 1, 2
"""Codes of a category: missing, a value that is not listed, then the listed ones."""
DatePart = Literal["year", "month", "day", "weekday", "hour"]
DATE_PARTS: tuple[DatePart, ...] = ("year", "month", "day", "weekday", "hour")


class Encoded:
    """What the columns of a frame become: lists that grow by one feature at a time. `problems`: (N,) cells of a wrong type, by column."""

    def __init__(self) -> None:
        self.numbers: list[Floats] = []
        self.codes: list[Integers] = []
        self.problems: dict[str, Mask] = {}


class NumberColumn(Part):
    """A measurement. `words`: texts that stand for no number ("?"); with `has_words`, which one stands there is a feature of its own."""

    kind: Literal["number"] = "number"
    name: str
    style: NumberStyle = "plain"
    words: list[str] = Field(default_factory=list)
    has_words: bool = False

    def number_names(self) -> list[str]:
        """Of the features."""
        return [self.name]

    def code_sizes(self) -> dict[str, int]:
        """Of the categorical features: name to how many codes there are."""
        return {f"{self.name}:word": FIRST_CODE + len(self.words)} if self.has_words else {}

    def encode(self, column: Column, into: Encoded) -> None:
        """Adds the features."""
        numbers, bad = as_numbers(column, self.style)
        into.numbers.append(numbers)
        if not bad.any() and not self.has_words:
            return
        words = [text if is_bad else None for text, is_bad in zip(as_texts(column), bad.tolist(), strict=True)]
        if self.has_words:
            into.codes.append(lookup(words, self._index))
        unknown = np.array([word is not None and word not in self.words for word in words], dtype=bool)
        if unknown.any():
            into.problems[self.name] = unknown

    @cached_property
    def _index(self) -> dict[str | None, int]:
        return index_of(self.words)


class CategoryColumn(Part):
    """One of several values. `values`: the listed ones, the commonest first."""

    kind: Literal["category"] = "category"
    name: str
    values: list[str]
    is_boolean: bool = False
    """Then the case does not matter: JSON has true where CSV has True."""

    def number_names(self) -> list[str]:
        """None."""
        return []

    def code_sizes(self) -> dict[str, int]:
        """One feature."""
        return {self.name: FIRST_CODE + len(self.values)}

    def encode(self, column: Column, into: Encoded) -> None:
        """Adds the feature."""
        texts = as_texts(column)
        if self.is_boolean:
            texts = [None if text is None else text.casefold() for text in texts]
        into.codes.append(lookup(texts, self._index))

    @cached_property
    def _index(self) -> dict[str | None, int]:
        return index_of(self.values)


class DateColumn(Part):
    """A point in time: days since 1970, and those parts that vary."""

    kind: Literal["date"] = "date"
    name: str
    format: str
    """As of strptime, or ISO8601."""
    parts: list[DatePart]

    def number_names(self) -> list[str]:
        """Days, then the parts."""
        return [f"{self.name}:days", *(f"{self.name}:{part}" for part in self.parts)]

    def code_sizes(self) -> dict[str, int]:
        """None."""
        return {}

    def encode(self, column: Column, into: Encoded) -> None:
        """Adds the features."""
        days, bad = as_days(column, self.format)
        into.numbers.append(days)
        into.numbers.extend(date_part(days, part) for part in self.parts)
        if bad.any():
            into.problems[self.name] = bad


class IgnoredColumn(Part):
    """A column that tells nothing, or too much."""

    kind: Literal["ignored"] = "ignored"
    name: str
    reason: Literal["asked_for", "constant", "all_missing", "identifier", "copy_of_target", "duplicate"]

    def number_names(self) -> list[str]:
        """None."""
        return []

    def code_sizes(self) -> dict[str, int]:
        """None."""
        return {}

    def encode(self, column: Column, into: Encoded) -> None:
        """Nothing."""


def index_of(values: list[str]) -> dict[str | None, int]:
    """Value to code."""
    index: dict[str | None, int] = {value: code for code, value in enumerate(values, FIRST_CODE)}
    index[None] = MISSING_CODE
    return index


def lookup(texts: list[str | None], index: dict[str | None, int]) -> Integers:
    """(N,) codes."""
    return np.fromiter((index.get(text, UNKNOWN_CODE) for text in texts), dtype=np.int32, count=len(texts))


def date_part(days: Floats, part: str) -> Floats:
    """NaN where the date is missing. Monday is 0."""
    known = np.where(np.isnan(days), 0.0, days)
    found = _DATE_PARTS[part](known)
    return np.where(np.isnan(days), np.nan, found)


def _dates(days: Floats) -> tuple[Any, Any]:
    """Days and months, as numpy counts them."""
    dates = np.floor(days).astype(np.int64).astype("datetime64[D]")
    return dates, dates.astype("datetime64[M]")


def _day(days: Floats) -> Floats:
    dates, months = _dates(days)
    return (dates - months).astype(np.float64) + 1


_DATE_PARTS: dict[str, Callable[[Floats], Floats]] = {
    "year": lambda days: _dates(days)[0].astype("datetime64[Y]").astype(np.int64) + 1970.0,
    "month": lambda days: _dates(days)[1].astype(np.int64) % 12 + 1.0,
    "day": _day,
    "weekday": lambda days: (np.floor(days) + 3) % 7,  # 1 January 1970 was a Thursday
    "hour": lambda days: np.floor(np.round((days - np.floor(days)) * 86_400) / 3_600),
}
