"""Answers about a page: the fields' values and the lines with their places (V-3, V-4, Y-4).

`?keys=all` (default): fields, then all lines. `?keys=labelled`: the fields that were learnt. `?keys=A,B`: these; one that was
not learnt is looked for on the page by its words. `?pos=relative|pixels`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.model import ModelManifest
from droplearn.scenarios.answering import Answer
from droplearn.scenarios.ocr.custom_keys import find_key
from droplearn.scenarios.ocr.fields.extractor import Extraction
from droplearn.scenarios.ocr.fields.layout import Layout, TextLine, lay_out
from droplearn.scenarios.ocr.model_files import OcrModel, load_model
from droplearn.scenarios.ocr.reading.detector import Quads
from droplearn.scenarios.ocr.reading.pages import Page, decode_page
from droplearn.scenarios.ocr.reading.reader import Line, Reading
from droplearn.scenarios.ocr.records import line_at

DIGITS = 6
MAX_KEYS = 50


class PagePredictor:
    """Predictor of this scenario. One thread reads one page; several threads may read at once."""

    output_type = "cv_common"

    def __init__(self, model: OcrModel) -> None:
        self._model = model

    def predict(self, raw: bytes, options: Mapping[str, str]) -> Answer:
        """A page without text has an empty body. Raises UndecodableImage, InvalidRequest."""
        keys, is_relative = keys_of(options), _is_relative(options)
        page = decode_page(raw)
        read = _ReadPage(self._model, page, is_relative)
        body = read.everything() if keys is None else [entry for key in keys for entry in read.key(key)]
        return Answer(body, {"height": page.height, "width": page.width})

    def warm_up(self) -> None:
        """An empty page through the detector, an empty line through the recogniser."""
        blank = np.full((64, 256, 3), 255, np.uint8)
        self._model.reader.read(blank)
        self._model.reader.read_lines(blank, np.array([[[0, 0], [1, 0], [1, 1], [0, 1]]], np.float32))


class _ReadPage:
    """A page that was read, and its entries of the answer."""

    def __init__(self, model: OcrModel, page: Page, is_relative: bool) -> None:
        self._reading: Reading = model.reader.read(page.pixels)
        self._scale = np.array([1, 1] if is_relative else [page.width, page.height], np.float64)
        written = [line_at(model.conventions.write(line.text), line.quad) for line in self._reading.lines]
        self._layout: Layout = lay_out(written)
        self._lines: list[Line] = [self._reading.lines[place] for place in self._layout.places]
        self.extraction: Extraction = model.extractor.extract(self._layout) if model.extractor is not None else Extraction({}, ())

    def everything(self) -> list[dict[str, Any]]:
        """Fields, then lines."""
        return [*self.fields(self.extraction.values), *self.lines()]

    def fields(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """One entry a field: its value, and the box around the lines that it was made from."""
        return [self._entry(v.text, v.confidence, self._around(v.places)) | {"key": name, "kind": "field"} for name, v in values.items()]

    def lines(self) -> Iterable[dict[str, Any]]:
        """All, in reading order; with the key of the field that a line belongs to."""
        tags: Sequence[str] = self.extraction.tags or [""] * len(self._lines)
        for line, written, tag in zip(self._lines, self._layout.lines, tags, strict=True):
            entry = self._entry(written.text, line.confidence, line.quad) | {"kind": "line"}
            yield entry | {"key": tag} if tag else entry

    def key(self, name: str) -> list[dict[str, Any]]:
        """One entry: of a learnt field, else of what stands beside these words; none where there is neither. `labelled`: all learnt."""
        if name == "labelled":
            return self.fields(self.extraction.values)
        if name in self.extraction.values:
            return self.fields({name: self.extraction.values[name]})
        found = find_key(self._layout, name)
        if found is None:
            return []
        text, places = found
        confidence = min(self._lines[i].confidence for i in places)
        return [self._entry(text, confidence, self._around(places)) | {"key": name, "kind": "field"}]

    def _entry(self, text: str, confidence: float, quad: Quads) -> dict[str, Any]:
        corners = self._reading.shown(quad).astype(np.float64).clip(0, 1) * self._scale
        return {"label": text, "conf": round(min(max(confidence, 0.0), 1.0), DIGITS), "pos": corners.round(DIGITS).tolist()}

    def _around(self, places: Sequence[int]) -> Quads:
        boxes: list[TextLine] = [self._layout.lines[i] for i in places]
        left, top = min(b.left for b in boxes), min(b.top for b in boxes)
        right, bottom = max(b.right for b in boxes), max(b.bottom for b in boxes)
        return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def keys_of(options: Mapping[str, str]) -> list[str] | None:
    """None: all. Raises InvalidRequest."""
    keys = [key.strip() for key in options.get("keys", "all").split(",") if key.strip()]
    if len(keys) > MAX_KEYS or not keys:
        raise InvalidRequest("request.invalid", f"keys must name 1 to {MAX_KEYS} keys.", hint="Use ?keys=all, labelled or total,date.")
    return None if keys == ["all"] else keys


def _is_relative(options: Mapping[str, str]) -> bool:
    text = options.get("pos", "") or "relative"
    if text not in ("relative", "pixels"):
        raise InvalidRequest("request.invalid", f"pos must be relative or pixels, not {text[:20]!r}.", hint="Use ?pos=pixels.")
    return text == "relative"


def load(model_dir: Path, manifest: ModelManifest) -> PagePredictor:
    """Raises InvalidRequest (`model.unusable`) when files are missing."""
    return PagePredictor(load_model(model_dir, manifest))
