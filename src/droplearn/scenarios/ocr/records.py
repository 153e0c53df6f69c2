"""A page as learning and measuring need it: what is annotated, what was read, and how the two fit. All in numbers and texts, no pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from droplearn.contracts.dataset import Split, VersionExample
from droplearn.scenarios.learning.arrays import Integers
from droplearn.scenarios.ocr.annotated import AnnotatedLine, AnnotatedPage
from droplearn.scenarios.ocr.conventions import Conventions, line_key
from droplearn.scenarios.ocr.fields.assembling import Field
from droplearn.scenarios.ocr.fields.layout import Layout, TextLine, lay_out
from droplearn.scenarios.ocr.fields.truth import labels_by_overlap, labels_by_values, page_values, shared_area
from droplearn.scenarios.ocr.measures import LineResult
from droplearn.scenarios.ocr.reading.detector import Quads
from droplearn.scenarios.ocr.reading.pages import turned
from droplearn.scenarios.ocr.reading.reader import Reader

_SAME_PLACE = 0.5


@dataclass(frozen=True)
class PageRecord:
    """Places are relative to the page the right way up. `given[i]`: what the recogniser reads in the box of `annotated[i]`."""

    path: str
    etag: str
    split: Split
    annotated: tuple[AnnotatedLine, ...]
    values: dict[str, str]
    read: tuple[TextLine, ...]
    given: tuple[str, ...]
    is_old: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For the cache of pages."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> PageRecord:
        """The reverse."""
        annotated = tuple(AnnotatedLine(TextLine(**line["place"]), line["field"]) for line in told["annotated"])
        read = tuple(TextLine(**line) for line in told["read"])
        return cls(**{**told, "annotated": annotated, "read": read, "given": tuple(told["given"])})


@dataclass(frozen=True)
class PageTruth:
    """A page's two layouts, the label of each line (0: no field, else 1 + the field's place), and the values that are wanted."""

    given: Layout
    given_labels: Integers
    read: Layout
    read_labels: Integers
    values: dict[str, str]


def make_record(example: VersionExample, page: AnnotatedPage, reader: Reader, *, is_old: bool = False) -> PageRecord:
    """Reads the page, whole and box by box."""
    reading = reader.read(page.page.pixels)
    quads = np.array([_quad(line.place) for line in page.lines], np.float32).reshape(-1, 4, 2)
    given = reader.read_lines(page.page.pixels, quads, reading.turn)
    upright = turned(quads, reading.turn)
    return PageRecord(
        path=example.path,
        etag=example.etag,
        split=example.split,
        annotated=tuple(AnnotatedLine(line_at(line.text, quad), line.field) for line, quad in zip(page.lines, upright, strict=True)),
        values=dict(page.values),
        read=tuple(line_at(line.text, line.quad) for line in reading.lines),
        given=tuple(text.text for text in given),
        is_old=is_old,
    )


def line_at(text: str, quad: Quads) -> TextLine:
    """The upright box around a quad."""
    (left, top), (right, bottom) = quad.min(axis=0).tolist(), quad.max(axis=0).tolist()
    return TextLine(text, left, top, right, bottom)


def _quad(place: TextLine) -> list[list[float]]:
    return [[place.left, place.top], [place.right, place.top], [place.right, place.bottom], [place.left, place.bottom]]


def read_layout(record: PageRecord, conventions: Conventions) -> Layout:
    """Of what was read, written as the dataset writes."""
    return lay_out([TextLine(conventions.write(t.text), t.left, t.top, t.right, t.bottom) for t in record.read])


def truth_of(record: PageRecord, fields: Sequence[Field], conventions: Conventions) -> PageTruth:
    """Values given in a JSON come before those that the annotated lines make."""
    given, read = lay_out([line.place for line in record.annotated]), read_layout(record, conventions)
    number = {wanted.name: k for k, wanted in enumerate(fields, start=1)}
    labels: Integers = np.array([number.get(record.annotated[i].field, 0) for i in given.places], np.int64)
    labels = labels_by_values(given, labels, record.values, fields)
    values = page_values(given, labels, fields) | {k: v for k, v in record.values.items() if k in number}
    return PageTruth(given, labels, read, labels_by_overlap(read.lines, given.lines, labels), values)


def line_results(record: PageRecord, conventions: Conventions) -> tuple[LineResult, ...]:
    """Of every annotated line. Where the page was cut into lines otherwise than annotated, lines that share a place are compared joined."""
    is_found = [False] * len(record.annotated)
    annotated = [line.place for line in record.annotated]
    for truths, reads in same_places(annotated, record.read):
        wanted = _joined([annotated[i] for i in truths], conventions)
        found = _joined([record.read[j] for j in reads], conventions)
        for i in truths:
            is_found[i] = wanted == found
    texts = [conventions.write(text) for text in record.given]
    return tuple(LineResult(a.text, text, found) for a, text, found in zip(annotated, texts, is_found, strict=True))


def same_places(one: Sequence[TextLine], other: Sequence[TextLine]) -> list[tuple[list[int], list[int]]]:
    """Groups of lines of both kinds that overlap, directly or through others; indices in the order given."""
    links = [[j for j, line in enumerate(other) if shared_area(first, line) >= _SAME_PLACE] for first in one]
    group_of: dict[int, int] = {}
    members: list[tuple[list[int], list[int]]] = []
    for i, linked in enumerate(links):
        joined = sorted({group_of[j] for j in linked if j in group_of})
        target = joined[0] if joined else len(members)
        if not joined:
            members.append(([], []))
        for old in joined[1:]:
            members[target][0].extend(members[old][0])
            members[target][1].extend(members[old][1])
            members[old] = ([], [])
        members[target][0].append(i)
        members[target][1].extend(j for j in linked if j not in group_of)
        group_of |= dict.fromkeys(members[target][1], target)
    return [(sorted(a), sorted(b)) for a, b in members if a]


def _joined(lines: Sequence[TextLine], conventions: Conventions) -> str:
    ordered = lay_out(lines).lines
    return line_key("".join(line.text for line in ordered), conventions.is_case_sensitive)
