"""Decides what each column is, from all its cells: number, category, date, text, or of no use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.tabular_prediction.columns.frame import Column, Frame
from droplearn.scenarios.tabular_prediction.columns.kinds import CategoryColumn, DateColumn, IgnoredColumn, NumberColumn
from droplearn.scenarios.tabular_prediction.columns.plan import AnyColumn, Plan
from droplearn.scenarios.tabular_prediction.columns.text import leading_letters, tokens_of
from droplearn.scenarios.tabular_prediction.columns.values import NumberStyle, as_numbers, as_texts
from droplearn.scenarios.tabular_prediction.training.dates import find_date
from droplearn.scenarios.tabular_prediction.training.texts import make_text_column, telling_tokens

NUMBER_SHARE = 0.95
"""Of the cells that are given must be numbers in a column of numbers; the rest are words for "missing"."""
WORD_SHARE = 0.02
"""From this share on, which word stands in place of a number is a feature."""
MAX_WORDS = 20
SAMPLE = 500
"""Different values; where most of them are no numbers, the others are not looked at."""
UNIQUE_SHARE, MIN_ROWS_FOR_IDENTIFIER = 0.98, 30
MAX_CATEGORIES = 20_000
MAX_SERIES, SERIES_SHARE = 50, 0.9


@dataclass
class Told:
    """What was found out about the columns, for the health report."""

    warnings: list[str] = field(default_factory=list)

    def add(self, sentence: str) -> None:
        """One warning."""
        self.warnings.append(sentence)


def make_plan(frame: Frame, *, decimal_comma: bool, ignored: Collection[str], kept: Collection[str], told: Told) -> Plan:
    """ignored, kept: the user's wishes."""
    columns: list[AnyColumn] = []
    for name, column in frame.columns.items():
        if name in ignored:
            columns.append(IgnoredColumn(name=name, reason="asked_for"))
            continue
        columns.append(_Profile(name, column, decimal_comma, name in kept, told).decide())
    return Plan(columns=columns)


class _Profile:
    """One column under examination."""

    def __init__(self, name: str, column: Column, decimal_comma: bool, is_kept: bool, told: Told) -> None:
        self.name, self.column, self.decimal_comma, self.is_kept, self.told = name, column, decimal_comma, is_kept, told
        self.texts = as_texts(column)
        self.counts = Counter(text for text in self.texts if text is not None)
        self.given = self.counts.total()

    def decide(self) -> AnyColumn:
        """The first kind that fits."""
        steps: Sequence[Callable[[], AnyColumn | None]] = (self._empty, self._date, self._number, self._text)
        for step in steps:
            found = step()
            if found is not None:
                return found
        return self._category()

    def _empty(self) -> AnyColumn | None:
        if self.given == 0:
            self.told.add(f"Column {self.name!r} is empty and is left out.")
            return IgnoredColumn(name=self.name, reason="all_missing")
        if len(self.counts) == 1 and self.given == len(self.texts):
            self.told.add(f"Column {self.name!r} has one value only and is left out.")
            return IgnoredColumn(name=self.name, reason="constant")
        return None

    def _date(self) -> AnyColumn | None:
        found = find_date(self.name, self.column, self.counts)
        if found is not None and found.note:
            self.told.add(found.note)
        return DateColumn(name=self.name, format=found.format, parts=found.parts) if found else None

    def _number(self) -> AnyColumn | None:
        style = self._style()
        if style is None:
            return None
        numbers, bad = as_numbers(self.column, style)
        if self._is_numbered(numbers):
            return self._identifier("numbers its rows")
        words = Counter(text for text, is_bad in zip(self.texts, bad.tolist(), strict=True) if is_bad and text is not None)
        listed = [word for word, _ in words.most_common(MAX_WORDS)]
        if words:
            self.told.add(
                f"Column {self.name!r} holds numbers; {words.total()} cells with other words count as missing: {', '.join(listed[:5])}."
            )
        has_words = 0 < len(words) <= MAX_WORDS and words.total() >= WORD_SHARE * len(self.texts)
        return NumberColumn(name=self.name, style=style, words=listed, has_words=has_words)

    def _style(self) -> NumberStyle | None:
        styles: list[NumberStyle] = ["decimal_comma", "plain", "grouped"] if self.decimal_comma else ["plain", "grouped", "decimal_comma"]
        sample = np.empty(min(len(self.counts), SAMPLE), dtype=object)
        sample[:] = list(self.counts)[:SAMPLE]
        for style in styles:
            if as_numbers(sample, style)[1].mean() > 0.5 and len(self.counts) > SAMPLE:
                continue
            _, bad = as_numbers(self.column, style)
            if bad.sum() <= (1 - NUMBER_SHARE) * self.given:
                return style
        return None

    def _is_numbered(self, numbers: Floats) -> bool:
        """Whole numbers that are all different: dense (1 to N, in any order), or called an ID."""
        known = numbers[~np.isnan(numbers)]
        if self.is_kept or len(known) < max(MIN_ROWS_FOR_IDENTIFIER, UNIQUE_SHARE * len(numbers)) or (known != np.floor(known)).any():
            return False
        if len(np.unique(known)) < UNIQUE_SHARE * len(known):
            return False
        return bool(known.max() - known.min() < 4 * len(known)) or _is_called_identifier(self.name)

    def _identifier(self, why: str) -> IgnoredColumn:
        self.told.add(f"Column {self.name!r} {why}: it is an ID and is left out (option keep_columns uses it).")
        return IgnoredColumn(name=self.name, reason="identifier")

    def _text(self) -> AnyColumn | None:
        """Where most values are rare, they are taken apart."""
        distinct = len(self.counts)
        rows = len(self.texts)
        if distinct <= 20 or (distinct < 0.05 * self.given and distinct <= 1000):
            return None
        tokens = telling_tokens(self.counts, rows)
        is_unique = distinct >= UNIQUE_SHARE * self.given and self.given >= MIN_ROWS_FOR_IDENTIFIER
        if is_unique and not tokens and not self.is_kept and self._is_one_word() and not self._has_series():
            return self._identifier("has another value in every row")
        found = make_text_column(self.name, self.texts, self.counts, tokens)
        return found if found.number_names() or found.code_sizes() else self._identifier("tells nothing that two rows share")

    def _is_one_word(self) -> bool:
        return sum(" " not in text for text in self.counts) >= 0.95 * len(self.counts)

    def _has_series(self) -> bool:
        """`A12`, `B7`, ...: nearly every value begins with one of a few groups of letters."""
        heads = Counter(head for text in self.counts if (head := leading_letters(text)) is not None)
        return 1 < len(heads) <= MAX_SERIES and heads.total() >= SERIES_SHARE * len(self.counts)

    def _category(self) -> AnyColumn:
        folded = Counter[str]()
        for text, count in self.counts.items():
            folded[text.casefold()] += count
        is_boolean = set(folded) <= {"true", "false"}
        listed = [value for value, _ in (folded if is_boolean else self.counts).most_common(MAX_CATEGORIES)]
        return CategoryColumn(name=self.name, values=listed, is_boolean=is_boolean)


def _is_called_identifier(name: str) -> bool:
    """`id`, `customer_id`, `PassengerId`, `userID`, `index`, `Unnamed: 0`."""
    words = list(tokens_of(name.replace("_", " ")))
    return name.endswith(("Id", "ID")) or bool({"id", "index", "uuid", "guid", "unnamed", "编号", "序号"} & set(words))
