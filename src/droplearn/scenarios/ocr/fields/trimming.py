"""Which words at the ends of a field's lines are no part of its value (`ACME LTD (123456-X)`), learnt where values were given.

Only words at either end are cut: a value is one piece of its lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.ocr.fields.line_features import Tokens, shape_of
from droplearn.scenarios.ocr.fields.logistic import fit_logistic
from droplearn.scenarios.ocr.fields.sparse import TokenTable, sparse_rows, stack_rows
from droplearn.scenarios.ocr.fields.values import comparable

_LEAST_TRIMMED, _STRENGTH = 2, 3.0


@dataclass(frozen=True)
class Trimmer:
    """weight: (V, 2): logits of kept and cut."""

    vocabulary: dict[str, int]
    weight: Floats

    def trim(self, text: str) -> str:
        """Without the words at its ends that were taken for no part of it; a text is never cut to nothing."""
        words = text.split()
        if not words:
            return text
        logits = sparse_rows(word_tokens(words), self.vocabulary).times(self.weight)
        kept = np.flatnonzero(logits[:, 0] >= logits[:, 1])
        return " ".join(words[kept[0] : kept[-1] + 1]) if len(kept) else text


def learn_trimmer(examples: Sequence[tuple[str, str]], groups: Sequence[int], check: Callable[[], None] = lambda: None) -> Trimmer | None:
    """examples: (the lines' text, the value). None where values are their lines. `groups`: the document of each example."""
    known = [(text.split(), piece, group) for (text, value), group in zip(examples, groups, strict=True) if (piece := _piece(text, value))]
    trimmed = {group for words, (first, last), group in known if last - first < len(words)}
    if len(trimmed) < _LEAST_TRIMMED:
        return None
    table = TokenTable()
    tokens = [table.encode(word_tokens(words)) for words, _, _ in known]
    labels: list[Integers] = [np.array([not first <= i < last for i in range(len(words))], np.int64) for words, (first, last), _ in known]
    places = table.shared(tokens, [group for _, _, group in known])
    width = int(places.max()) + 1
    rows = stack_rows([page.only(places, width) for page in tokens], width)
    y = np.concatenate(labels)
    return Trimmer(table.vocabulary(places), fit_logistic(rows, np.zeros((len(y), 0)), y, np.ones(len(y)), 2, _STRENGTH, check))


def _piece(text: str, value: str) -> tuple[int, int] | None:
    """The first and the end of the words that make the value; None where no words do."""
    words, wanted = [comparable(word) for word in text.split()], comparable(value)
    for first in range(len(words)):
        joined = ""
        for last in range(first, len(words)):
            joined += words[last]
            if joined == wanted and wanted:
                return first, last + 1
    return None


def word_tokens(words: Sequence[str]) -> list[Tokens]:
    """Of each word: itself, its shape, its place from both ends, and its neighbours."""
    return [_tokens(words, i) for i in range(len(words))]


def _tokens(words: Sequence[str], index: int) -> Tokens:
    word, shape = words[index].casefold(), _short(words[index])
    before = words[index - 1].casefold() if index else "^"
    after = words[index + 1].casefold() if index + 1 < len(words) else "$"
    from_end = len(words) - 1 - index
    names = [
        "bias",
        f"word:{word}",
        f"shape:{shape}",
        f"start:{shape[:2]}",
        f"place:{min(index, 4)}",
        f"from-end:{min(from_end, 4)}",
        f"shape-from-end:{shape}:{min(from_end, 2)}",
        f"before:{before}",
        f"after:{after}",
    ]
    return dict.fromkeys(names, 1.0)


def _short(word: str) -> str:
    """The shape with runs shortened: (126926-H) is (9-A)."""
    shape = shape_of(word)
    return "".join(c for i, c in enumerate(shape) if i == 0 or c != shape[i - 1])
