"""What a column of texts is taken apart into: only what enough rows share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from droplearn.scenarios.tabular_prediction.columns.text import TextColumn, last_number, leading_letters, tokens_of

MAX_TOKENS, MAX_INDICATOR_CELLS = 100, 20_000_000
"""Indicators of one column: at most this many, and fewer for long tables."""
MIN_SHARE, MAX_SHARE = 0.01, 0.98
"""Of the rows must hold a word for it to tell something."""
MAX_LISTED = 20_000


def telling_tokens(counts: Counter[str], rows: int) -> list[str]:
    """Words of enough rows, but not of nearly all; the commonest first."""
    found = Counter[str]()
    for text, count in counts.items():
        for token in set(tokens_of(text)):
            found[token] += count
    least, most = max(10, MIN_SHARE * rows), MAX_SHARE * rows
    limit = min(MAX_TOKENS, max(10, MAX_INDICATOR_CELLS // max(rows, 1)))
    return [token for token, count in sorted(found.items(), key=lambda pair: (-pair[1], pair[0])) if least <= count <= most][:limit]


def make_text_column(name: str, texts: list[str | None], counts: Counter[str], tokens: list[str]) -> TextColumn:
    """`counts`: how often each value occurs."""
    rows = sum(counts.values())
    repeated = {value: count for value, count in counts.most_common(MAX_LISTED) if count > 1}
    is_shared = sum(repeated.values()) >= 0.1 * rows
    given = [text for text in texts if text is not None]
    words = [list(tokens_of(text)) for text in given]
    numbers = np.array([last_number(text) for text in given])
    return TextColumn(
        name=name,
        tokens=tokens,
        values=list(repeated) if is_shared else [],
        first_words=_shared([found[0] if found else None for found in words], 0.1),
        heads=_shared([leading_letters(text) for text in given], 0.1),
        counts=repeated if is_shared else {},
        has_common_word=len(tokens) > 1,
        has_number=bool((~np.isnan(numbers)).mean() > 0.1 and len(np.unique(numbers[~np.isnan(numbers)])) > 2),
        has_length=len({len(text) for text in given}) > 2,
    )


def _shared(values: list[str | None], share: float, least: Callable[[int], int] = lambda rows: max(2, rows // 5000)) -> list[str]:
    """The values that several rows have, the commonest first; none where they cover less than this share, or nearly all rows agree."""
    counts = Counter(value for value in values if value is not None)
    listed = {value: count for value, count in counts.most_common(MAX_LISTED) if count >= least(len(values))}
    if len(listed) < 2 or sum(listed.values()) < share * len(values) or max(listed.values()) > MAX_SHARE * len(values):
        return []
    return list(listed)
