"""Which field each line belongs to: two logistic regressions, the second of which also sees what the first thinks of the lines around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, softmax
from droplearn.scenarios.ocr.fields.layout import Layout
from droplearn.scenarios.ocr.fields.line_features import Tokens, page_tokens
from droplearn.scenarios.ocr.fields.sparse import sparse_rows

_OFFSETS = (-3, -2, -1, 1, 2, 3)


@dataclass(frozen=True)
class LinearTagger:
    """logits = tokens x weight + opinions x context. weight: (V, K), context: (C, K) or nothing for the first pass."""

    vocabulary: dict[str, int]
    weight: Floats
    context: Floats

    def probabilities(self, lines: Sequence[Tokens], opinions: Floats | None = None) -> Floats:
        """(N, K)."""
        logits = sparse_rows(lines, self.vocabulary).times(self.weight)
        if opinions is not None:
            logits = logits + opinions @ self.context
        return softmax(logits)


@dataclass(frozen=True)
class Tagger:
    """Both passes."""

    first: LinearTagger
    second: LinearTagger

    def probabilities(self, layout: Layout) -> Floats:
        """(lines, 1 + fields), in reading order."""
        tokens = page_tokens(layout)
        if not tokens:
            return np.zeros((0, self.first.weight.shape[1]))
        return self.second.probabilities(tokens, surroundings(self.first.probabilities(tokens), layout))


def surroundings(probabilities: Floats, layout: Layout) -> Floats:
    """(lines, C): opinions of the line itself, of lines before and after, of its row, and how it compares with the page's best."""
    fields = probabilities[:, 1:]
    count, width = fields.shape
    padded = np.vstack([np.zeros((3, width)), fields, np.zeros((3, width))])
    columns = [probabilities, np.log(probabilities + 1e-4) / 4, fields / (fields.max(axis=0) + 1e-6)]
    columns += [padded[3 + step : 3 + step + count] for step in _OFFSETS]
    for places in (layout.lefts, layout.rights):
        columns.append(np.array([fields[j] if j is not None else np.zeros(width) for j in places]))
    before = np.vstack([np.zeros(width), np.cumsum(fields, axis=0)[:-1]])
    columns += [np.minimum(before, 3) / 3, np.minimum(fields.sum(axis=0) - before - fields, 3) / 3]
    return np.hstack(columns)
