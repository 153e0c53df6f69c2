"""From a page to its lines: where, what, and which way up. The answer of the scenario's first stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from droplearn.scenarios.ocr.reading.detector import Detector, Quads, in_order
from droplearn.scenarios.ocr.reading.pages import cut, is_tall, quad_size, turned
from droplearn.scenarios.ocr.reading.recogniser import Recogniser, Text
from droplearn.scenarios.pictures import Pixels

_SURE = 0.85
"""A page whose longest lines are read with this mean confidence is the right way up. Upside down, receipts reach .6."""
_MARGIN = 0.05
_ASKED_LINES = 6


@dataclass(frozen=True)
class Line:
    """`quad`: (4, 2), relative to the page the right way up, in the order left-top, right-top, right-bottom, left-bottom."""

    text: str
    confidence: float
    quad: Quads


@dataclass(frozen=True)
class Reading:
    """The lines of a page, top to bottom. `turn`: quarter turns against the clock that put the picture the right way up."""

    lines: tuple[Line, ...]
    turn: int = 0

    def shown(self, quad: Quads) -> Quads:
        """The quad relative to the picture as it came; its first point is still the left-top of the text."""
        return turned(quad, -self.turn)


class Reader:
    """`read` is called by several threads at once. `min_confidence`: lines below it are taken for no text."""

    def __init__(self, detector: Detector, recogniser: Recogniser, min_confidence: float = 0.5) -> None:
        self._detector, self._recogniser, self._min_confidence = detector, recogniser, min_confidence

    def read(self, pixels: Pixels) -> Reading:
        """All lines of a page. A page without text has none."""
        height, width = pixels.shape[:2]
        quads = self._detector.find(pixels)
        quads /= np.array([width, height], np.float32)
        if not len(quads):
            return Reading(())
        turn = 1 if lies_on_its_side(quads, width, height) else 0
        texts, upright = self._texts(pixels, quads, turn)
        longest = _longest(quads, width, height)
        sure = _mean([texts[i] for i in longest])
        if sure < _SURE and _mean(self._texts(pixels, quads[longest], turn + 2)[0]) > sure + _MARGIN:
            turn += 2
            texts, upright = self._texts(pixels, quads, turn)
        lines = [Line(t.text, t.confidence, q) for t, q in zip(texts, upright, strict=True) if self._is_text(t)]
        return Reading(tuple(sorted(lines, key=lambda line: tuple(line.quad.mean(axis=0)[::-1].tolist()))), turn)

    def read_lines(self, pixels: Pixels, quads: Quads, turn: int = 0) -> list[Text]:
        """What stands at known places: (N, 4, 2), relative to the page as it is."""
        return self._texts(pixels, quads, turn)[0]

    def _texts(self, pixels: Pixels, quads: Quads, turn: int) -> tuple[list[Text], Quads]:
        """Of the page after a turn, with the quads on it."""
        page = np.ascontiguousarray(np.rot90(pixels, turn % 4))
        upright = np.array([in_order(q) for q in turned(quads, turn)], np.float32).reshape(-1, 4, 2)
        scaled = upright * np.array(page.shape[1::-1], np.float32)
        lines = [cut(page, quad) for quad in scaled]
        texts = self._recogniser.read(lines)
        tall = [i for i, quad in enumerate(scaled) if is_tall(quad)]
        for i, text in zip(tall, self._recogniser.read([np.ascontiguousarray(np.rot90(lines[i])) for i in tall]), strict=True):
            texts[i] = max(texts[i], text, key=lambda t: t.confidence)
        return texts, upright

    def _is_text(self, text: Text) -> bool:
        return bool(text.text.strip()) and text.confidence >= self._min_confidence


def lies_on_its_side(quads: Quads, width: int, height: int) -> bool:
    """Whether most of the text, by length, stands upright. quads: relative."""
    scaled = quads * np.array([width, height], np.float32)
    lengths = np.array([max(quad_size(q)) for q in scaled])
    return bool(lengths[[is_tall(q) for q in scaled]].sum() > lengths.sum() / 2)


def _longest(quads: Quads, width: int, height: int) -> list[int]:
    """Indices of the few longest lines: they tell best whether a page is upside down."""
    lengths = [-max(quad_size(q)) for q in quads * np.array([width, height], np.float32)]
    return np.argsort(lengths, kind="stable")[:_ASKED_LINES].tolist()


def _mean(texts: Sequence[Text]) -> float:
    return float(np.mean([t.confidence for t in texts])) if texts else 0.0
