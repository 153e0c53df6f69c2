"""Names <-> places, met batch by batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from droplearn.scenarios.recommendation.interactions import Codes

MAX_NAME_BYTES = 256
"""A user's or item's name is a key of a DynamoDB row."""


class Codebook:
    """`names[i]` is the name at place i. A name that is empty or too long has the place -1."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._places: dict[str, int] = {}

    def places(self, column: Any) -> Codes:
        """Of a pyarrow array of strings; null is -1."""
        import pyarrow.compute as pc

        encoded = pc.dictionary_encode(pc.utf8_trim_whitespace(column))
        known = np.array([self._place(name) for name in encoded.dictionary.to_pylist()] + [-1], np.int32)
        found: Codes = known[np.asarray(encoded.indices.fill_null(len(known) - 1))]
        return found

    def _place(self, name: str) -> int:
        if not name or len(name.encode()) > MAX_NAME_BYTES:
            return -1
        place = self._places.setdefault(name, len(self.names))
        if place == len(self.names):
            self.names.append(name)
        return place


def as_text(column: Any) -> Any:
    """Names as strings: 7, 7.0 and "7" are the same user."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(column.type):
        is_whole = pc.all(pc.equal(column, pc.round(column))).as_py()
        column = column.cast(pa.int64()) if is_whole is not False else column
    return column if pa.types.is_string(column.type) else column.cast(pa.string())
