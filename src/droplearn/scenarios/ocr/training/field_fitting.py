"""Learns the fields: which there are and of what kind, the tagger (its strength by cross-validation), trimmers and thresholds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from droplearn.scenarios.learning.folds import make_folds
from droplearn.scenarios.ocr.conventions import Conventions
from droplearn.scenarios.ocr.fields.assembling import Field, FieldValue, assemble
from droplearn.scenarios.ocr.fields.extractor import Extractor, candidates
from droplearn.scenarios.ocr.fields.layout import Layout, lay_out
from droplearn.scenarios.ocr.fields.sparse import TokenTable
from droplearn.scenarios.ocr.fields.tagger_fitting import TaggedPage, fit_tagger, tag_page
from droplearn.scenarios.ocr.fields.trimming import Trimmer, learn_trimmer
from droplearn.scenarios.ocr.fields.truth import places_of
from droplearn.scenarios.ocr.fields.values import comparable, kind_of
from droplearn.scenarios.ocr.measures import FieldScore, macro_f1
from droplearn.scenarios.ocr.records import PageRecord, PageTruth, truth_of

STRENGTHS = (3.0, 1.0, 10.0)
"""The first is fitted and saved at once; the others are compared while time is left."""
LEAST_PAGES_PER_FIELD = 2
_FOLDS = 5
_QUICK_THRESHOLD, _LEAST_THRESHOLD = 0.2, 0.05
_LONGEST_VALUE, _ASKED_PAGES = 300, 20


@dataclass(frozen=True)
class PageFields:
    """Values of one page while it was held out: from the picture and from the annotated lines, thresholds not yet applied."""

    read: Mapping[str, FieldValue]
    given: Mapping[str, FieldValue]


@dataclass(frozen=True)
class CrossValidatedFields:
    """Of one strength. `pages` as the truths; `fields` have the thresholds that suit the held-out pages best."""

    strength: float
    fields: tuple[Field, ...]
    pages: tuple[PageFields, ...]
    scores: Mapping[str, FieldScore]

    @property
    def macro_f1(self) -> float:
        """End to end."""
        return macro_f1(self.scores)


def find_fields(records: Sequence[PageRecord], chosen: Sequence[str] | None) -> tuple[Field, ...]:
    """Fields on enough pages (of those chosen), with their kinds: from given values where there are any, else from the annotated lines.

    A field that only values name is one where most of its values are found among the lines of their pages.
    """
    annotated = Counter(name for record in records for name in {line.field for line in record.annotated} - {""})
    valued = Counter(name for record in records for name, value in record.values.items() if len(value) <= _LONGEST_VALUE)
    fields = []
    for name in sorted(n for n in annotated | valued if chosen is None or n in chosen):
        given = [record.values[name] for record in records if name in record.values]
        lines = [line.text for record in records for line in record.annotated if line.field == name]
        found = Field(name, kind_of(given or lines))
        if annotated[name] >= LEAST_PAGES_PER_FIELD or (valued[name] >= LEAST_PAGES_PER_FIELD and _stands_on_pages(found, records)):
            fields.append(found)
    return tuple(fields)


def _stands_on_pages(wanted: Field, records: Sequence[PageRecord]) -> bool:
    pages = [record for record in records if wanted.name in record.values][:_ASKED_PAGES]
    found = [places_of(lay_out([line.place for line in record.annotated]), record.values[wanted.name], wanted) for record in pages]
    return sum(map(bool, found)) > len(pages) / 2


@dataclass(frozen=True)
class FieldPages:
    """Pages ready to be learnt from. `contents`: equal for copies of a page; `tagged`: of each page its annotated and its read lines."""

    truths: Sequence[PageTruth]
    contents: Sequence[str]
    fields: tuple[Field, ...]
    table: TokenTable
    tagged: tuple[tuple[TaggedPage, ...], ...]

    @property
    def groups(self) -> list[int]:
        """A number for each content, in order of first occurrence."""
        numbers = {content: i for i, content in enumerate(dict.fromkeys(self.contents))}
        return [numbers[content] for content in self.contents]


def field_pages(records: Sequence[PageRecord], fields: Sequence[Field], conventions: Conventions) -> FieldPages:
    """Looks all tokens up once."""
    table, truths = TokenTable(), [truth_of(record, fields, conventions) for record in records]
    data = FieldPages(truths, [record.etag for record in records], tuple(fields), table, ())
    tagged = []
    for truth, group in zip(truths, data.groups, strict=True):
        both = ((truth.given, truth.given_labels), (truth.read, truth.read_labels))
        tagged.append(tuple(tag_page(layout, labels, group, table) for layout, labels in both if layout.lines))
    return replace(data, tagged=tuple(tagged))


def cross_validate_fields(data: FieldPages, strength: float, seed: int, check: Callable[[], None]) -> CrossValidatedFields:
    """Copies of a page stay in one fold. `check` may raise."""
    folds = make_folds(np.zeros(len(data.truths), np.int64), data.contents, seed, _FOLDS)
    found: dict[int, PageFields] = {}
    for kept, held_out in folds:
        model = fit_fields(data, strength, check, kept.tolist())
        for i in held_out.tolist():
            found[i] = PageFields(all_values(model, data.truths[i].read), all_values(model, data.truths[i].given))
    pages = tuple(found[i] for i in range(len(data.truths)))
    chosen = tuple(replace(f, threshold=best_threshold(f, data.truths, pages)) for f in data.fields)
    scores = {f.name: _score(f, data.truths, pages, f.threshold) for f in chosen}
    return CrossValidatedFields(strength, chosen, pages, scores)


def validate_fields(
    data: FieldPages, strength: float, held_out: Sequence[int], check: Callable[[], None]
) -> tuple[Extractor, CrossValidatedFields]:
    """One fit on the other pages: a first model, and how it does on those held out."""
    fields = tuple(replace(f, threshold=_QUICK_THRESHOLD) for f in data.fields)
    kept = [i for i in range(len(data.truths)) if i not in set(held_out)]
    model = fit_fields(replace(data, fields=fields), strength, check, kept)
    pages = tuple(PageFields(all_values(model, data.truths[i].read), all_values(model, data.truths[i].given)) for i in held_out)
    scores = {f.name: _score(f, [data.truths[i] for i in held_out], pages, f.threshold) for f in fields}
    return model, CrossValidatedFields(strength, fields, pages, scores)


def fit_fields(data: FieldPages, strength: float, check: Callable[[], None], kept: Sequence[int] | None = None) -> Extractor:
    """On both what is annotated and what was read: the model learns from clean lines and from real errors. `kept`: of these pages only."""
    chosen = range(len(data.truths)) if kept is None else kept
    tagger = fit_tagger([page for i in chosen for page in data.tagged[i]], data.table, len(data.fields), strength, check)
    return Extractor(data.fields, tagger, _trimmers(data, chosen))


def all_values(model: Extractor, layout: Layout) -> dict[str, FieldValue]:
    """The best value of each field, trimmed, whatever its confidence."""
    found = candidates(layout, model.tagger.probabilities(layout), model.fields)
    return {f.name: model.trimmed(f, found[f.name]) for f in model.fields if f.name in found}


def best_threshold(wanted: Field, truths: Sequence[PageTruth], pages: Sequence[PageFields]) -> float:
    """Of the confidences that occur, the lowest with the best F1; half-way to the next one below."""
    sure = sorted({page.read[wanted.name].confidence for page in pages if wanted.name in page.read})
    steps = [_LEAST_THRESHOLD, *((a + b) / 2 for a, b in pairwise(sure) if a > _LEAST_THRESHOLD and b < 0.9)]
    return max(steps, key=lambda step: (_score(wanted, truths, pages, step).f1, -step))


def _score(wanted: Field, truths: Sequence[PageTruth], pages: Sequence[PageFields], threshold: float) -> FieldScore:
    pairs = [
        (truth.values.get(wanted.name, ""), value.text if (value := page.read.get(wanted.name)) and value.confidence >= threshold else "")
        for truth, page in zip(truths, pages, strict=True)
    ]
    right = sum(bool(t) and bool(v) and comparable(t, wanted.kind) == comparable(v, wanted.kind) for t, v in pairs)
    return FieldScore(sum(bool(t) for t, _ in pairs), sum(bool(v) for _, v in pairs), right)


def _trimmers(data: FieldPages, chosen: Sequence[int]) -> dict[str, Trimmer]:
    found = {}
    groups = data.groups
    for number, wanted in enumerate(data.fields, start=1):
        examples, owners = [], []
        for i in chosen if wanted.kind == "text" else ():
            truth = data.truths[i]
            for layout, labels in ((truth.given, truth.given_labels), (truth.read, truth.read_labels)):
                places = np.flatnonzero(labels == number).tolist()
                if places and wanted.name in truth.values:
                    examples.append((assemble(layout, places, "text"), truth.values[wanted.name]))
                    owners.append(groups[i])
        if (trimmer := learn_trimmer(examples, owners)) is not None:
            found[wanted.name] = trimmer
    return found
