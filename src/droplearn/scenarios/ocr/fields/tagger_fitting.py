"""Fits the tagger. Training only.

The first pass's opinions of training lines come from folds that had not seen their page, so that the second learns how far to trust them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers, softmax
from droplearn.scenarios.ocr.fields.layout import Layout
from droplearn.scenarios.ocr.fields.line_features import page_tokens
from droplearn.scenarios.ocr.fields.logistic import fit_logistic
from droplearn.scenarios.ocr.fields.sparse import SparseRows, TokenTable, stack_rows
from droplearn.scenarios.ocr.fields.tagger import LinearTagger, Tagger, surroundings

_FOLDS = 3


@dataclass(frozen=True)
class TaggedPage:
    """A page to learn from. `labels`: (lines,) 0 for no field, else 1 + the field's place. `group`: pages of one document share it."""

    layout: Layout
    tokens: SparseRows
    labels: Integers
    group: int


@dataclass(frozen=True)
class _Pass:
    """A fitted regression, on the table's numbers."""

    places: Integers
    weight: Floats
    context: Floats

    def probabilities(self, tokens: SparseRows) -> Floats:
        """Of the first pass."""
        return softmax(tokens.only(self.places, len(self.weight)).times(self.weight))

    def named(self, table: TokenTable) -> LinearTagger:
        """With the names of its tokens."""
        return LinearTagger(table.vocabulary(self.places), self.weight, self.context)


def tag_page(layout: Layout, labels: Integers, group: int, table: TokenTable) -> TaggedPage:
    """Looks its tokens up."""
    return TaggedPage(layout, table.encode(page_tokens(layout)), labels, group)


def fit_tagger(pages: Sequence[TaggedPage], table: TokenTable, field_count: int, strength: float, check: Callable[[], None]) -> Tagger:
    """`strength`: the larger, the closer to the training pages. `check` may raise."""
    groups = np.array([page.group for page in pages])
    opinions: list[Floats] = [np.zeros(0)] * len(pages)
    numbers = np.unique(groups, return_inverse=True)[1]
    folds = numbers % min(_FOLDS, max(2, int(numbers.max()) + 1))
    for fold in sorted(set(folds.tolist())):
        kept = [page for page, own in zip(pages, folds, strict=True) if own != fold] or pages
        model = _fit(kept, None, table, field_count, strength, check)
        for i in np.flatnonzero(folds == fold).tolist():
            opinions[i] = surroundings(model.probabilities(pages[i].tokens), pages[i].layout)
    first = _fit(pages, None, table, field_count, strength, check)
    return Tagger(first.named(table), _fit(pages, opinions, table, field_count, strength, check).named(table))


def _fit(
    pages: Sequence[TaggedPage],
    opinions: Sequence[Floats] | None,
    table: TokenTable,
    field_count: int,
    strength: float,
    check: Callable[[], None],
) -> _Pass:
    places = table.shared([page.tokens for page in pages], [page.group for page in pages])
    width = int(places.max()) + 1
    rows = stack_rows([page.tokens.only(places, width) for page in pages], width)
    context = np.vstack(opinions) if opinions is not None else np.zeros((rows.shape[0], 0))
    labels = np.concatenate([page.labels for page in pages])
    found = fit_logistic(rows, context, labels, np.full(len(labels), 0.5), 1 + field_count, strength, check)
    return _Pass(places, found[:width], found[width:])
