"""What was read wrongly, value by value (E-7): `label` is the field, `predicted` the kind of mistake, `truth` and `given` the two texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from droplearn.contracts.evaluation import BadCase
from droplearn.scenarios.ocr.fields.values import Kind, comparable
from droplearn.scenarios.ocr.measures import LineResult, PageResult

LINE = "line"
"""Stands for a field's name where pages have none."""


def bad_cases(pages: Sequence[PageResult], kinds: Mapping[str, Kind]) -> list[BadCase]:
    """Each wrong field of each page; where the model knows no fields, each line that was not found. `confidence` 0: nothing was given."""
    of_page = _fields if kinds else _lines
    return [case for page in pages for case in of_page(page, kinds)]


def _fields(page: PageResult, kinds: Mapping[str, Kind]) -> Iterator[BadCase]:
    for name, kind in kinds.items():
        truth, given = page.values.get(name, ""), page.found.get(name, "")
        if comparable(truth, kind) != comparable(given, kind):
            mistake = "missing" if not given else "wrong" if truth else "not on the page"
            confidence = round(float(page.confidences.get(name, 0.0)), 6) if given else 0.0
            yield BadCase(path=page.path, label=name, predicted=mistake, confidence=confidence, truth=truth, given=given)


def _lines(page: PageResult, _kinds: Mapping[str, Kind]) -> Iterator[BadCase]:
    for line in page.lines:
        if not line.is_found:
            yield BadCase(path=page.path, label=LINE, predicted=_mistake(line), confidence=0.0, truth=line.text, given=line.given)


def _mistake(line: LineResult) -> str:
    """The text in its box may be right although the page as a whole was cut into other lines."""
    if not line.given:
        return "missing"
    return "elsewhere" if line.given == line.text else "wrong"
