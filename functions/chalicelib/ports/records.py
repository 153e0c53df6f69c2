"""The kept records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

from chalicelib.domain.records import Page, R


class Records(Protocol[R]):
    """The kept records of one kind."""

    def get(self, key: str) -> R | None:
        """Strongly consistent."""

    def get_many(self, keys: Iterable[str]) -> dict[str, R]:
        """By key; strongly consistent, each by itself. What is not there is left out."""

    def add(self, record: R) -> bool:
        """False, and nothing written, when there is one with this key."""

    def put(self, record: R) -> None:
        """Writes over what was there."""

    def change(self, key: str, changes: Mapping[str, Any], only_if: Mapping[str, Collection[Any]] | None = None) -> R | None:
        """Sets fields (None: removes). None, and nothing written, unless the record is there and each field in `only_if` has one of its
        values (None: it is not set).
        """

    def increment(self, key: str, field: str) -> int:
        """Adds one to a number; returns it. The record must be there: NotFound."""

    def remove(self, key: str) -> None:
        """Nothing happens when it is not there."""

    def page(self, listed_in: str, limit: int, cursor: str | None = None, *, is_newest_first: bool = False) -> Page[R]:
        """A listing, eventually consistent. Raises InvalidRequest (`cursor.invalid`)."""
