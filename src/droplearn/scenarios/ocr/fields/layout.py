"""Lines of a page and how they lie to each other: rows, reading order, neighbours. Coordinates are relative to the upright page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

_SAME_ROW = 0.6
"""Centres that are closer than this share of the line's height stand in one row."""


@dataclass(frozen=True)
class TextLine:
    """A text and its place: edges in [0, 1] of the page."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> float:
        """The height of its centre."""
        return (self.top + self.bottom) / 2

    @property
    def height(self) -> float:
        """Of the page's."""
        return self.bottom - self.top


@dataclass(frozen=True)
class Layout:
    """`lines` in reading order: rows from top to bottom, in a row from left to right. `places[i]`: where line i stood in what was given."""

    lines: tuple[TextLine, ...]
    rows: tuple[int, ...]
    places: tuple[int, ...]

    @cached_property
    def median_height(self) -> float:
        """Of a line."""
        return float(np.median([line.height for line in self.lines])) if self.lines else 1.0

    @cached_property
    def lefts(self) -> tuple[int | None, ...]:
        """The line just before each in its row."""
        return tuple(i - 1 if i and self.rows[i - 1] == row else None for i, row in enumerate(self.rows))

    @cached_property
    def rights(self) -> tuple[int | None, ...]:
        """The line just after each in its row."""
        return tuple(i + 1 if i + 1 < len(self.rows) and self.rows[i + 1] == row else None for i, row in enumerate(self.rows))

    def beside(self, index: int, step: int) -> int | None:
        """The line of the row above (-1) or below (1) that overlaps most with this one, else the nearest one of that row."""
        wanted = self.rows[index] + step
        line = self.lines[index]
        found = [j for j, row in enumerate(self.rows) if row == wanted]
        return max(found, key=lambda j: _overlap(line, self.lines[j]), default=None)


def lay_out(lines: Sequence[TextLine]) -> Layout:
    """Rows are built downwards: a line joins the row whose mean centre is near its own."""
    order = sorted(range(len(lines)), key=lambda i: (lines[i].middle, lines[i].left))
    rows: list[list[int]] = []
    for i in order:
        if rows and _belongs(lines[i], [lines[j] for j in rows[-1]]):
            rows[-1].append(i)
        else:
            rows.append([i])
    placed = [(j, number) for number, row in enumerate(rows) for j in sorted(row, key=lambda i: lines[i].left)]
    return Layout(tuple(lines[j] for j, _ in placed), tuple(number for _, number in placed), tuple(j for j, _ in placed))


def _belongs(line: TextLine, row: Sequence[TextLine]) -> bool:
    middle = sum(other.middle for other in row) / len(row)
    near = abs(line.middle - middle) < _SAME_ROW * min(line.height, max(other.height for other in row))
    return near and all(_overlap(line, other) < 0.3 * min(line.right - line.left, other.right - other.left) for other in row)


def _overlap(one: TextLine, other: TextLine) -> float:
    """Of their widths; negative: the gap between them."""
    return min(one.right, other.right) - max(one.left, other.left)
