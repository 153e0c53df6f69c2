"""What annotations say of fields: the label of each line and the value of each field of a page. Training and evaluation use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

import numpy as np

from droplearn.scenarios.learning.arrays import Integers
from droplearn.scenarios.ocr.fields.assembling import Field, assemble
from droplearn.scenarios.ocr.fields.layout import Layout, TextLine
from droplearn.scenarios.ocr.fields.values import comparable, parts

_ALIKE = 0.8
_LONGEST_STRETCH = 10
_COVERED = 0.5


def page_values(layout: Layout, labels: Integers, fields: Sequence[Field]) -> dict[str, str]:
    """What the annotated lines of each field come to; a field without lines is missing."""
    values = {}
    for number, field in enumerate(fields, start=1):
        places = np.flatnonzero(labels == number).tolist()
        if places and (text := assemble(layout, places, field.kind)).strip():
            values[field.name] = text
    return values


def labels_by_values(layout: Layout, labels: Integers, values: Mapping[str, str], fields: Sequence[Field]) -> Integers:
    """The lines that make up the values that were given for a page; lines of a field without a given value keep their label.

    Annotated lines are often only some of those that a value was typed from.
    """
    found = labels.copy()
    for number, field in enumerate(fields, start=1):
        if (value := values.get(field.name, "").strip()) and (places := places_of(layout, value, field)):
            found[found == number] = 0
            found[[i for i in places if found[i] == 0]] = number
    return found


def places_of(layout: Layout, value: str, field: Field) -> list[int]:
    """Lines that hold the date or amount; or the stretch of lines that is most like the text. Empty when nothing is alike."""
    wanted = comparable(value, field.kind)
    if field.kind != "text":
        return [i for i, line in enumerate(layout.lines) if wanted in {comparable(p, field.kind) for p in parts(field.kind, line.text)}]
    keys = [comparable(line.text) for line in layout.lines]
    inside = [bool(key) and (key in wanted or _share(key, wanted) >= _ALIKE or (wanted in key)) for key in keys]
    best, places = _ALIKE, list[int]()
    for first in range(len(keys)):
        for last in range(first, min(len(keys), first + _LONGEST_STRETCH)):
            chosen = [i for i in range(first, last + 1) if inside[i]]
            joined = "".join(keys[i] for i in chosen)
            if inside[first] and inside[last] and (alike := _alike(joined, wanted)) > best:
                best, places = alike, chosen
    return places


def _alike(one: str, other: str) -> float:
    if abs(len(one) - len(other)) > (1 - _ALIKE) * 2 * max(len(one), len(other)):
        return 0.0
    return 1.0 if one == other else SequenceMatcher(None, one, other, autojunk=False).ratio()


def _share(part: str, whole: str) -> float:
    """Of the part's characters, how many stand in the whole in order, in blocks of two at least."""
    blocks = SequenceMatcher(None, part, whole, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks if block.size > 1) / max(1, len(part))


def labels_by_overlap(lines: Sequence[TextLine], annotated: Sequence[TextLine], labels: Integers) -> Integers:
    """The label of each read line: that of the annotated line which shares most of the smaller one's area, 0 where none shares half."""
    found = np.zeros(len(lines), np.int64)
    for i, line in enumerate(lines):
        shares = [shared_area(line, other) for other in annotated]
        if shares and max(shares) >= _COVERED:
            covering = [j for j, share in enumerate(shares) if share >= _COVERED]
            labelled = [j for j in covering if labels[j]]
            found[i] = labels[max(labelled, key=lambda j: shares[j])] if labelled else 0
    return found


def shared_area(one: TextLine, other: TextLine) -> float:
    """Of the smaller one's area, the part that both cover."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(t.right - t.left) * (t.bottom - t.top) for t in (one, other)]
    return width * height / max(min(areas), 1e-9)
