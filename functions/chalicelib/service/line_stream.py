"""A file to be uploaded whose bytes are made while they are read: as large as it likes, at the price of a block."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import BinaryIO, cast


class _Stream(io.RawIOBase):
    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts, self._rest = iter(parts), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        while not self._rest:
            following = next(self._parts, None)
            if following is None:
                return 0
            self._rest = following
        taken, self._rest = self._rest[: len(view)], self._rest[len(view) :]
        view[: len(taken)] = taken
        return len(taken)


def line_stream(parts: Iterable[bytes]) -> BinaryIO:
    """Reads as if the parts stood one behind the other."""
    return cast(BinaryIO, io.BufferedReader(_Stream(parts), 1 << 20))
