"""The examples of all datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.domain.records import Page

if TYPE_CHECKING:  # a cold start of predict loads none of these
    from chalicelib.domain.dataset import DatasetCounts
    from chalicelib.domain.example import Example, Replacement, Tally


class ExampleStore(Protocol):
    """The examples of all datasets and their counters."""

    @property
    def data_bucket(self) -> str:
        """Where the examples lie."""

    def counts(self, project: str, dataset: str) -> DatasetCounts:
        """The sum of the counter shards: a read of a fixed size."""

    def read(self, project: str, dataset: str, paths: Sequence[str]) -> dict[str, Example]:
        """By path, tombstones included; those that are not there are left out. At most 100 paths; strongly consistent."""

    def write(self, project: str, dataset: str, changes: Sequence[Replacement], tally: Tally, now: datetime) -> None:
        """At most 99 examples and their sum, all or nothing. Raises WriteConflict when one is not `old` any more: read again."""

    def read_all(self, project: str, dataset: str) -> Iterator[Example]:
        """Without tombstones, sorted by path, consistent."""

    def remove_all(self, project: str, dataset: str, has_time: Callable[[], bool]) -> bool:
        """Tombstones and counters, too; counters last. False: time was short, and there may be more. Raises Throttled."""

    def page(self, project: str, dataset: str, status: str | None, label: str | None, limit: int, cursor: str | None) -> Page[Example]:
        """By path. Raises InvalidRequest (`cursor.invalid`)."""


class WriteConflict(Exception):
    """Somebody else wrote first. Never leaves the service that writes."""
