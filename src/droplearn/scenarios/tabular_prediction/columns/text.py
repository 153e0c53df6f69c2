"""Columns of names, codes and sentences: which words a cell holds, and what it is made of. Knows no language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Literal

import numpy as np
from pydantic import Field

from droplearn.contracts.document import Part
from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.tabular_prediction.columns.frame import Column
from droplearn.scenarios.tabular_prediction.columns.kinds import FIRST_CODE, Encoded, index_of, lookup
from droplearn.scenarios.tabular_prediction.columns.values import as_texts

MAX_CHARACTERS = 5_000
"""Of a cell that are looked at."""
_CHINESE_AND_KIN = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_TOKEN = re.compile(rf"[{_CHINESE_AND_KIN}]+|[^\W_{_CHINESE_AND_KIN}]+")
_NUMBER = re.compile(r"\d{1,15}")
_HEAD = re.compile(r"[^\W\d_]+")


def tokens_of(text: str) -> Iterator[str]:
    """Words, casefolded; of scripts without spaces, characters and pairs of them."""
    for found in _TOKEN.findall(text[:MAX_CHARACTERS].casefold()):
        if "\u3040" <= found[0] <= "\ud7af":
            yield from found
            yield from (found[i : i + 2] for i in range(len(found) - 1))
        else:
            yield found


def leading_letters(text: str | None) -> str | None:
    """`C` of `C85`, `PC` of `PC 17599`; None without any."""
    found = _HEAD.match(text or "")
    return found.group().upper() if found else None


def last_number(text: str | None) -> float:
    """17599 of `PC 17599`; NaN without any."""
    found = _NUMBER.findall(text or "")
    return float(found[-1]) if found else np.nan


class TextColumn(Part):
    """Features, each present only where it varies: the cell as a category, how many other rows share it, its commonest word, its first
    word, its leading letters, its last number, its length, its number of words, and whether each of `tokens` occurs.
    """

    kind: Literal["text"] = "text"
    name: str
    tokens: list[str] = Field(default_factory=list)
    """The commonest first."""
    values: list[str] = Field(default_factory=list)
    first_words: list[str] = Field(default_factory=list)
    heads: list[str] = Field(default_factory=list)
    counts: dict[str, int] = Field(default_factory=dict)
    """Rows of the training table with this value, of those that occur more than once."""
    has_common_word: bool = False
    has_number: bool = False
    has_length: bool = False

    def number_names(self) -> list[str]:
        """In the order of `encode`."""
        told = [f"{self.name}:length", f"{self.name}:words"] if self.has_length else []
        told += [f"{self.name}:number"] if self.has_number else []
        told += [f"{self.name}:rows"] if self.counts else []
        return [*told, *(f"{self.name}:has {token}" for token in self.tokens)]

    def code_sizes(self) -> dict[str, int]:
        """In the order of `encode`."""
        told = {"common": self.tokens if self.has_common_word else [], "first": self.first_words, "head": self.heads, "value": self.values}
        return {f"{self.name}:{name}": FIRST_CODE + len(listed) for name, listed in told.items() if listed}

    def encode(self, column: Column, into: Encoded) -> None:
        """Adds the features."""
        self.encode_texts(as_texts(column), into, is_training=False)

    def encode_texts(self, texts: list[str | None], into: Encoded, *, is_training: bool) -> None:
        """is_training: these rows are counted in `counts` themselves."""
        words = [[] if text is None else list(tokens_of(text)) for text in texts]
        if self.has_length:
            into.numbers.append(_floats([np.nan if text is None else len(text) for text in texts]))
            into.numbers.append(_floats([len(found) for found in words]))
        if self.has_number:
            into.numbers.append(_floats([last_number(text) for text in texts]))
        if self.counts:
            known = [np.nan if text is None else self.counts.get(text, int(is_training)) - is_training for text in texts]
            into.numbers.append(_floats(known))
        into.numbers.extend(self._indicators(words))
        self._add_codes(texts, words, into)

    def _add_codes(self, texts: list[str | None], words: list[list[str]], into: Encoded) -> None:
        indices = self._indices
        if self.has_common_word and self.tokens:
            into.codes.append(lookup([self._commonest(found) for found in words], indices["tokens"]))
        if self.first_words:
            into.codes.append(lookup([found[0] if found else None for found in words], indices["first_words"]))
        if self.heads:
            into.codes.append(lookup([leading_letters(text) for text in texts], indices["heads"]))
        if self.values:
            into.codes.append(lookup(texts, indices["values"]))

    def _indicators(self, words: list[list[str]]) -> list[Floats]:
        occurs = np.zeros((len(self.tokens), len(words)))
        for row, found in enumerate(words):
            for word in found:
                place = self._place.get(word)
                if place is not None:
                    occurs[place, row] = 1
        return list(occurs)

    def _commonest(self, words: list[str]) -> str | None:
        known = [place for word in words if (place := self._place.get(word)) is not None]
        return self.tokens[min(known)] if known else None

    @cached_property
    def _place(self) -> dict[str, int]:
        return {token: place for place, token in enumerate(self.tokens)}

    @cached_property
    def _indices(self) -> dict[str, dict[str | None, int]]:
        return {name: index_of(getattr(self, name)) for name in ("tokens", "first_words", "heads", "values")}


def _floats(values: list[float] | list[int]) -> Floats:
    return np.array(values, dtype=np.float64)
