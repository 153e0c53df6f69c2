"""Metrics of reading and of fields, from what was found on each page. numpy is not needed: these are counts.

Line: right when `conventions.line_key` of both texts is equal. Field: a value is right when `fields.values.comparable` is; precision is
over the values that were given, recall over those that the pages have, `field_macro_f1` the mean of the fields' F1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from droplearn.scenarios.ocr.conventions import line_key
from droplearn.scenarios.ocr.fields.values import Kind, comparable, exact

Values = Mapping[str, str]


@dataclass(frozen=True)
class LineResult:
    """An annotated line. `given`: what is read in its box; `is_found`: the page was read and has this text at this place."""

    text: str
    given: str
    is_found: bool


@dataclass(frozen=True)
class PageResult:
    """`values`: of the page's fields; `found`: from the picture; `found_given`: from the annotated lines; `confidences` of `found`."""

    path: str
    split: str
    is_old: bool
    lines: tuple[LineResult, ...]
    values: Values = field(default_factory=dict)
    found: Values = field(default_factory=dict)
    found_given: Values = field(default_factory=dict)
    confidences: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """A line of held_out.jsonl."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> PageResult:
        """The reverse."""
        return cls(**{**told, "lines": tuple(LineResult(**line) for line in told["lines"])})


@dataclass(frozen=True)
class FieldScore:
    """Of one field. `support`: pages that have it; `predicted`: pages that were given a value."""

    support: int
    predicted: int
    right: int

    @property
    def precision(self) -> float:
        """0 where nothing was given."""
        return self.right / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """0 where no page has it."""
        return self.right / self.support if self.support else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean."""
        return 2 * self.right / (self.support + self.predicted) if self.support + self.predicted else 0.0


def line_metrics(pages: Sequence[PageResult], is_case_sensitive: bool) -> dict[str, float]:
    """Empty without lines. The error rate is edits over characters of the truth; above 1 when far too much is read. The
    normalised distance is the mean over lines of edits over the longer text, within [0, 1].
    """
    lines = [line for page in pages for line in page.lines]
    if not lines:
        return {}
    pairs = [(line_key(line.text, is_case_sensitive), line_key(line.given, is_case_sensitive)) for line in lines]
    return {
        "line_accuracy": sum(truth == read for truth, read in pairs) / len(pairs),
        "character_error_rate": sum(edits(truth, read) for truth, read in pairs) / max(1, sum(len(truth) for truth, _ in pairs)),
        "normalised_edit_distance": sum(edits(truth, read) / max(1, len(truth), len(read)) for truth, read in pairs) / len(pairs),
        "line_accuracy_end_to_end": sum(line.is_found for line in lines) / len(lines),
    }


def field_scores(
    pages: Sequence[PageResult], kinds: Mapping[str, Kind], found: Callable[[PageResult], Values], is_exact: bool = False
) -> dict[str, FieldScore]:
    """By field."""
    return {name: _field_score(pages, name, kind, found, is_exact) for name, kind in kinds.items()}


def field_metrics(pages: Sequence[PageResult], kinds: Mapping[str, Kind]) -> dict[str, float]:
    """Empty without fields. A field that neither occurs nor was given counts in no mean."""
    if not kinds:
        return {}
    return {
        "field_macro_f1": macro_f1(field_scores(pages, kinds, lambda page: page.found)),
        "field_macro_f1_exact": macro_f1(field_scores(pages, kinds, lambda page: page.found, is_exact=True)),
        "field_macro_f1_given_lines": macro_f1(field_scores(pages, kinds, lambda page: page.found_given)),
    }


def macro_f1(scores: Mapping[str, FieldScore]) -> float:
    """The mean over fields that occur."""
    kept = [score.f1 for score in scores.values() if score.support + score.predicted]
    return sum(kept) / len(kept) if kept else 0.0


def edits(one: str, other: str) -> int:
    """Levenshtein distance."""
    before = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b)))
        before = row
    return before[-1]


def is_right(page: PageResult, kinds: Mapping[str, Kind]) -> bool:
    """No bad case: all fields right; without fields, all lines found."""
    if kinds:
        return all(_same(page.values.get(n, ""), page.found.get(n, ""), kind, is_exact=False) for n, kind in kinds.items())
    return all(line.is_found for line in page.lines)


def _field_score(pages: Sequence[PageResult], name: str, kind: Kind, found: Callable[[PageResult], Values], is_exact: bool) -> FieldScore:
    pairs = [(page.values.get(name, ""), found(page).get(name, "")) for page in pages]
    right = sum(bool(truth) and _same(truth, value, kind, is_exact) for truth, value in pairs)
    return FieldScore(sum(bool(truth) for truth, _ in pairs), sum(bool(value) for _, value in pairs), right)


def _same(truth: str, value: str, kind: Kind, is_exact: bool) -> bool:
    return exact(truth) == exact(value) if is_exact else comparable(truth, kind) == comparable(value, kind)
