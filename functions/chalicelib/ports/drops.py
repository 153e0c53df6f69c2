"""What users drop, the messages about it, and the quiet after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.ports.objects import StoredObject


class DroppedFiles(Protocol):
    """The data bucket, as far as it is read at all."""

    def listed(self, prefix: str) -> Iterator[StoredObject]:
        """Every object below it, by key."""

    def read_config(self, project: str, dataset: str) -> bytes | None:
        """The droplearn.yaml at the dataset's root, at most one byte more than MAX_CONFIG_BYTES of it; None: there is none."""

    def read_range(self, key: str, first: int, count: int) -> bytes:
        """Of a table, whose columns are checked. Fewer bytes where the object ends, none where there is no such object."""


class DropQueue(Protocol):
    """Where drop messages come from."""

    def hand_back(self, receipts: Sequence[str], wait_s: int = 0) -> None:
        """Makes messages visible again, at once or after so long (at most 12 h)."""


@dataclass(frozen=True)
class QuietMessage:
    """Has this dataset been quiet long enough? Counts only while the dataset remembers `token`."""

    project: str
    dataset: str
    token: str


class QuietTimer(Protocol):
    """Delayed messages to ourselves."""

    def send(self, message: QuietMessage, delay_s: int) -> None:
        """Arrives after `delay_s` (0 to 900) seconds or later, at least once."""
