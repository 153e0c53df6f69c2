"""One indexed object, and the tallies that a dataset keeps of its objects.

A tally is a flat mapping of counter names to numbers (`label:cat`, `skipped:hidden_file`, `unlabelled`, `size_bytes`, `content`): what one
record contributes can be subtracted and added, so the sum over all writes is exact whatever their order.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chalicelib.domain.dataset import DatasetCounts
from droplearn.contracts.dataset import ExampleStatus

LABEL, SKIPPED, UNLABELLED, SIZE_BYTES, CONTENT = "label:", "skipped:", "unlabelled", "size_bytes", "content"
ANNOTATIONS, TABLES = "annotations", "tables"
_CONTENT_MODULUS = 1 << 64

Tally = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Example:
    """What is known of one object. `sequencer` is padded (domain/indexing.py) and serves as the optimistic lock."""

    path: str
    status: ExampleStatus
    sequencer: str
    etag: str = ""
    size_bytes: int = 0
    label: str | None = None
    reason: str | None = None
    changed_at: str = ""


def contribution(record: Example | None) -> Tally:
    """What one record adds to its dataset's tally; nothing for None and for a tombstone."""
    if record is None or record.status is ExampleStatus.DELETED:
        return {}
    if record.status is ExampleStatus.SKIPPED:
        return {f"{SKIPPED}{record.reason}": 1}
    if record.status is ExampleStatus.UNLABELLED:
        return {UNLABELLED: 1, SIZE_BYTES: record.size_bytes}
    return {_counter_of(record): 1, SIZE_BYTES: record.size_bytes, CONTENT: _fingerprint(record)}


def _counter_of(record: Example) -> str:
    if record.status is ExampleStatus.ANNOTATION:
        return ANNOTATIONS
    return TABLES if record.label is None else f"{LABEL}{record.label}"


@dataclass(frozen=True, slots=True)
class Replacement:
    """One write: `new` takes the place of `old` (None: of nothing), provided that `old` is still there."""

    old: Example | None
    new: Example

    @property
    def tally(self) -> Tally:
        """What the write adds to the dataset's counters; zeros are left out."""
        sums = Counter(contribution(self.new))
        sums.subtract(contribution(self.old))
        return {name: n for name, n in sums.items() if n}


def total(tallies: Iterable[Tally]) -> dict[str, int]:
    """Their sum, without zeros."""
    sums: Counter[str] = Counter()
    for tally in tallies:
        sums.update(tally)
    return {name: n for name, n in sums.items() if n}


def counts_of(tallies: Iterable[Tally], last_event_at: str | None = None) -> DatasetCounts:
    """A dataset's counts from its shards' tallies."""
    sums = total(tallies)
    return DatasetCounts(
        labels=_named(sums, LABEL),
        skipped=_named(sums, SKIPPED),
        unlabelled=sums.get(UNLABELLED, 0),
        annotations=sums.get(ANNOTATIONS, 0),
        tables=sums.get(TABLES, 0),
        size_bytes=sums.get(SIZE_BYTES, 0),
        content=sums.get(CONTENT, 0) % _CONTENT_MODULUS,
        last_event_at=last_event_at,
    )


def _named(sums: Tally, prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): n for name, n in sorted(sums.items()) if name.startswith(prefix)}


def _fingerprint(record: Example) -> int:
    """64 bits; their sum is the set's hash, against chance, not against an adversary. Source: Bellare and Micciancio 1997, AdHash."""
    text = "\0".join((record.path, record.etag, record.label or ""))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
