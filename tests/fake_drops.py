"""In-memory fakes of the ports around a drop. The same contract suite runs on them and on the adapters (tests/contract/control_plane)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from chalicelib.domain.cursors import decode_cursor, encode_cursor
from chalicelib.domain.dataset import DatasetCounts
from chalicelib.domain.example import Example, Replacement, Tally, counts_of, total
from chalicelib.domain.records import Page
from chalicelib.domain.times import text_of
from chalicelib.ports import QuietMessage, StoredObject, WriteConflict
from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.dataset_config import MAX_CONFIG_BYTES
from droplearn.contracts.s3_layout import CONFIG_FILE


class FakeExampleStore:
    """Port ExampleStore. `before_write` may interleave another writer between somebody's read and write."""

    data_bucket = "data"

    def __init__(self) -> None:
        self.examples: dict[tuple[str, str], dict[str, Example]] = {}
        self.tallies: dict[tuple[str, str], dict[str, int]] = {}
        self.last_event_at: dict[tuple[str, str], str] = {}
        self.before_write: Callable[[], None] = lambda: None

    def read(self, project: str, dataset: str, paths: Sequence[str]) -> dict[str, Example]:
        assert 0 < len(paths) <= 100
        assert len(set(paths)) == len(paths)
        known = self.examples.get((project, dataset), {})
        return {path: known[path] for path in paths if path in known}

    def write(self, project: str, dataset: str, changes: Sequence[Replacement], tally: Tally, now: datetime) -> None:
        assert 0 < len(changes) <= 99
        self.before_write()
        place = (project, dataset)
        known = self.examples.setdefault(place, {})
        for change in changes:
            there = known.get(change.new.path)
            if (there and (there.sequencer, there.status)) != (change.old and (change.old.sequencer, change.old.status)):
                raise WriteConflict
        known.update({change.new.path: change.new for change in changes})
        self.tallies[place] = total([self.tallies.get(place, {}), tally])
        self.last_event_at[place] = text_of(now)

    def counts(self, project: str, dataset: str) -> DatasetCounts:
        place = (project, dataset)
        return counts_of([self.tallies.get(place, {})], self.last_event_at.get(place))

    def read_all(self, project: str, dataset: str) -> Iterator[Example]:
        known = self.examples.get((project, dataset), {})
        return iter(sorted((e for e in known.values() if e.status is not ExampleStatus.DELETED), key=lambda e: e.path))

    def remove_all(self, project: str, dataset: str, has_time: Callable[[], bool]) -> bool:
        if not has_time():
            return False
        for known in (self.examples, self.tallies, self.last_event_at):
            known.pop((project, dataset), None)
        return True

    def page(self, project: str, dataset: str, status: str | None, label: str | None, limit: int, cursor: str | None) -> Page[Example]:
        after = (decode_cursor(cursor, {"path"}) or {}).get("path", "")
        status = status or ("labelled" if label is not None else None)
        found = [
            e
            for e in self.read_all(project, dataset)
            if e.path > after and status in (None, e.status) and (label is None or e.label == label)
        ]
        return Page(found[:limit], encode_cursor({"path": found[limit - 1].path}) if len(found) > limit else None)


class FakeDroppedFiles:
    """Port DroppedFiles: the data bucket."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.changed_at: dict[str, str] = {}

    def read_config(self, project: str, dataset: str) -> bytes | None:
        raw = self.objects.get(f"{project}/{dataset}/{CONFIG_FILE}")
        return None if raw is None else raw[: MAX_CONFIG_BYTES + 1]

    def read_range(self, key: str, first: int, count: int) -> bytes:
        return self.objects.get(key, b"")[first : first + count]

    def listed(self, prefix: str) -> Iterator[StoredObject]:
        for key in sorted(self.objects):
            if key.startswith(prefix):
                yield StoredObject(key, len(self.objects[key]), self.changed_at.get(key, "2026-01-01T00:00:00.000Z"))


class FakeServiceImages:
    """Port ServiceImages, on the same bucket."""

    def __init__(self, dropped: FakeDroppedFiles) -> None:
        self._dropped = dropped

    def read(self, key: str) -> bytes | None:
        return self._dropped.objects.get(key)

    def write(self, key: str, body: bytes) -> None:
        self._dropped.objects[key] = body

    def remove(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._dropped.objects.pop(key, None)


class FakeQuietTimer:
    """Port QuietTimer: what was sent, and when it is due by the platform's clock."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.sent: list[tuple[datetime, QuietMessage]] = []

    def send(self, message: QuietMessage, delay_s: int) -> None:
        assert 0 <= delay_s <= 900
        self.sent.append((self._clock() + timedelta(seconds=delay_s), message))
