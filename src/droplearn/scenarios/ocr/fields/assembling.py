"""From tagged lines to a field's value: the most probable date or amount, or the stretch of lines that belongs together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.ocr.fields.layout import Layout
from droplearn.scenarios.ocr.fields.values import Kind, comparable, parts

_LEAST = 1e-3
_LONG = 10
"""Letters and digits."""
_MEMBER = 0.3
"""Inside the best stretch, a line below this probability is left out."""


@dataclass(frozen=True)
class Field:
    """`threshold`: a value is given when its confidence reaches it."""

    name: str
    kind: Kind
    threshold: float = 0.3


@dataclass(frozen=True)
class FieldValue:
    """`places`: the lines (in reading order) that it was made from. `confidence`: the mean of their probabilities."""

    text: str
    confidence: float
    places: tuple[int, ...]


def best_value(layout: Layout, probabilities: Floats, kind: Kind) -> FieldValue | None:
    """The likeliest value, however unlikely. probabilities: (lines,) of this field."""
    if not len(layout.lines):
        return None
    return _best_stretch(layout, probabilities) if kind == "text" else _best_part(layout, probabilities, kind)


def assemble(layout: Layout, places: Sequence[int], kind: Kind) -> str:
    """The value that lines in reading order make: of dates and amounts the commonest, of texts all without repetitions."""
    texts = [layout.lines[i].text for i in places]
    if kind == "text":
        return " ".join(texts[i].strip() for i in without_repetitions(texts))
    found = [part for text in texts for part in parts(kind, text)]
    if not found:
        return " ".join(texts)
    keys = [comparable(part, kind) for part in found]
    return max(found, key=lambda part: (keys.count(comparable(part, kind)), -found.index(part)))


def without_repetitions(texts: Sequence[str]) -> list[int]:
    """Indices of the texts that the others together do not say already (a name that is printed twice); the later one goes.

    A short one (a town, `LTD`) goes only where the same stands alone elsewhere.
    """
    keys = [comparable(text) for text in texts]
    kept = list(range(len(texts)))
    for i in reversed(range(len(texts))):
        others = [keys[j] for j in kept if j != i]
        if others and (keys[i] in others or (len(keys[i]) >= _LONG and keys[i] in "".join(others))):
            kept.remove(i)
    return kept


def _best_part(layout: Layout, probabilities: Floats, kind: Kind) -> FieldValue | None:
    """Lines that hold the same date or amount vote together."""
    votes: dict[str, list[tuple[float, int, str]]] = defaultdict(list)
    for i, line in enumerate(layout.lines):
        for part in parts(kind, line.text):
            votes[comparable(part, kind)].append((float(probabilities[i]), i, part))
    if not votes:
        return None
    best = max(votes.values(), key=lambda found: (_either(found), -found[0][1]))
    surest = max(best, key=lambda vote: (vote[0], -vote[1]))
    return FieldValue(surest[2], _either(best), (surest[1],))


def _either(votes: Sequence[tuple[float, int, str]]) -> float:
    """The probability that at least one is right."""
    return float(1 - np.prod([1 - min(p, 1 - _LEAST) for p, _, _ in votes]))


def _best_stretch(layout: Layout, probabilities: Floats) -> FieldValue | None:
    """The lines in a row with the largest sum of log odds: a doubtful line between two sure ones is bridged, a far one is not."""
    odds = np.clip(probabilities, _LEAST, 1 - _LEAST)
    scores = np.log(odds / (1 - odds))
    best, first, last, start, total = -np.inf, 0, 0, 0, 0.0
    for i, score in enumerate(scores):
        if total <= 0:
            start, total = i, 0.0
        total += score
        if total > best:
            best, first, last = total, start, i
    inside = [i for i in range(first, last + 1) if probabilities[i] >= _MEMBER] or [int(np.argmax(probabilities))]
    kept = [inside[k] for k in without_repetitions([layout.lines[i].text for i in inside])]
    text = " ".join(layout.lines[i].text.strip() for i in kept)
    return FieldValue(text, float(np.mean(probabilities[kept])), tuple(kept)) if text else None
