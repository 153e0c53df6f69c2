"""Objects of the buckets, and links to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """`changed_at`: ISO 8601 in UTC."""

    key: str
    size_bytes: int
    changed_at: str


class Artifacts(Protocol):
    """Objects of the artifact bucket."""

    def read(self, key: str) -> bytes | None:
        """None: there is no such object."""

    def read_range(self, key: str, first: int, count: int) -> bytes:
        """Fewer bytes where the object ends. Raises NotFound (`artifact.unknown`)."""

    def size(self, key: str) -> int | None:
        """In bytes; None: there is no such object."""

    def write(self, key: str, body: bytes) -> None:
        """Writes over what was there."""

    def copy(self, uri: str, key: str) -> None:
        """An object of a bucket to this one, without reading it here. Raises NotFound (`artifact.unknown`)."""

    def upload(self, key: str, file: BinaryIO) -> None:
        """From where the file stands to its end, in parts."""

    def lines(self, key: str) -> Iterator[bytes]:
        """Line by line, as it comes. Raises NotFound (`artifact.unknown`)."""

    def listed(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        """Every object below it, by key; only those behind the key `after`."""

    def remove(self, keys: Sequence[str]) -> None:
        """Nothing happens about those that are not there."""

    def uri(self, key: str) -> str:
        """`s3://<artifact bucket>/<key>`."""


class Links(Protocol):
    """URLs that let anybody read one object for a while. Made without a call: whether the object is there is not looked at."""

    def to_artifact(self, key: str, valid_for_s: int, file_name: str = "") -> str:
        """`file_name`: what a browser that downloads it calls it."""

    def to_data(self, key: str, valid_for_s: int) -> str:
        """An object of the data bucket."""


class Lines(Protocol):
    """Objects of both buckets, line by line from any place on."""

    def read(self, bucket: str, key: str, start: int) -> Iterator[tuple[bytes, int]]:
        """(line with its end, where the next one begins), from byte `start`. `bucket`: artifacts or data. Raises NotFound
        (`table.unknown`).
        """


class ServiceImages(Protocol):
    """Single objects of the data bucket, for tests of services."""

    def read(self, key: str) -> bytes | None:
        """None: there is no such object."""

    def write(self, key: str, body: bytes) -> None:
        """Writes over what was there."""

    def remove(self, keys: Sequence[str]) -> None:
        """Nothing happens about those that are not there."""
