"""In-memory fakes of the ports that services of tables need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from droplearn.contracts.errors import NotFound


class FakeLines:
    """Port Lines. `dropped`: objects of the data bucket."""

    def __init__(self, artifacts: dict[str, bytes]) -> None:
        self.dropped: dict[str, bytes] = {}
        self._buckets = {"artifacts": artifacts, "data": self.dropped}

    def read(self, bucket: str, key: str, start: int) -> Iterator[tuple[bytes, int]]:
        if key not in self._buckets[bucket]:
            raise NotFound("table.unknown", f"There is no {key}.")
        place = start
        for line in self._buckets[bucket][key][start:].splitlines(keepends=True):
            place += len(line)
            yield line, place


class FakeRecallTables:
    """Port RecallTables. `reads`: the keys of each read. `hidden`: versions that only a consistent read sees yet."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], tuple[str, int]] = {}
        self.reads: list[list[tuple[str, str]]] = []
        self.hidden: set[str] = set()

    def write(self, version: str, table: str, rows: Sequence[tuple[str, str]], expires_at: int) -> None:
        self.rows |= {(version, table, key): (value, expires_at) for key, value in rows}

    def read(self, version: str, keys: Sequence[tuple[str, str]], *, is_consistent: bool = False) -> dict[tuple[str, str], str]:
        self.reads.append(list(keys))
        if version in self.hidden and not is_consistent:
            return {}
        return {key: self.rows[version, *key][0] for key in keys if (version, *key) in self.rows}

    def remove(self, version: str, table: str, key: str) -> None:
        self.rows.pop((version, table, key), None)
