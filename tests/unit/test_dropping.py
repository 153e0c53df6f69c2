"""`droplearn drop` waits for what it has dropped, whatever else lies below the name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from droplearn.cli import dropping
from droplearn.cli.screen import Screen
from droplearn.client import Client, Json
from droplearn.contracts.errors import Conflict, NotFound

DATASET = {"project": "zoo", "name": "animals", "scenario": "image_classification", "label_counts": {}, "unlabelled_count": 0}


class FakeClient(Client):
    """A bucket, and an index of what was dropped since the project was made."""

    def __init__(self, there: set[str], indexed: set[str], deleting_since: str | None = None) -> None:
        self.there, self.indexed, self.deleting_since = set(there), set(indexed), deleting_since

    def call(self, _method: str, path: str, _body: Json | None = None, **_query: Any) -> Json:
        if not self.indexed:
            raise NotFound("project.unknown", "There is no project 'zoo'.")
        if path.endswith("/zoo"):
            return {"name": "zoo", "deleting_since": self.deleting_since}
        return DATASET | {"object_count": len(self.indexed), "skipped_counts": {}}

    def drop(self, folder: Path, *_: Any) -> int:
        sent = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        self.there |= sent
        self.indexed |= sent
        return len(sent)

    def dropped_paths(self, *_: str) -> Iterator[str]:
        yield from self.there


OLD = {f"cat/{n}.jpg" for n in range(5)}


@pytest.mark.parametrize(
    ("there", "indexed", "count"),
    [
        (set(), set(), 2),
        (OLD, OLD, 7),
        pytest.param(OLD, set(), 2, id="after the deletion of the project"),
        pytest.param(OLD | {"dog/0.jpg"}, set(), 2, id="after it, some of the same again"),
        pytest.param(OLD | {"dog/7.jpg"}, {"dog/7.jpg"}, 3, id="into the project that followed"),
    ],
)
def test_a_drop_is_over_when_it_is_indexed(there: set[str], indexed: set[str], count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    waited: list[Json] = []

    def wait_until(look: Any, is_over: Any, **_: Any) -> Json:
        waited.append(look())
        assert is_over(waited[-1]), "nothing more comes"
        return waited[-1]

    monkeypatch.setattr(dropping, "wait_until", wait_until)
    assert dropped(FakeClient(there, indexed), tmp_path, monkeypatch)["object_count"] == count
    assert len(waited) == 1


def test_nothing_is_dropped_into_a_project_that_is_being_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    client = FakeClient(OLD, OLD, "2026-01-01T00:00:00.000Z")
    with pytest.raises(Conflict, match=r"project\.being_deleted"):
        dropped(client, tmp_path, monkeypatch)
    assert client.there == OLD


def dropped(client: Client, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Json:
    for name in ("0.jpg", "1.jpg"):
        (folder / "dog").mkdir(exist_ok=True)
        (folder / "dog" / name).write_bytes(b"x")
    monkeypatch.setattr(dropping, "connect", lambda _: client)
    options: Any = SimpleNamespace(connection=None, project="zoo", dataset="animals", folder=folder, scenario=None)
    return dropping.drop(options, Screen(is_json=True)).document
