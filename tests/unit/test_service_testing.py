"""`droplearn service test`: what is uploaded, what is read in place, what is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from droplearn.cli import service_testing
from droplearn.cli.main import main

RESULT: dict[str, Any] = {
    "id": "test-1",
    "path": "zoo/.service-tests/service-1/",
    "image_count": 3,
    "pending_count": 0,
    "threshold": 0.5,
    "failed_count": 0,
    "left_out_count": 2,
    "removed_count": 0,
    "scored_count": 1,
    "right_count": 1,
    "images": [],
}


class Recorder:
    """Stands for the client."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, Any]] = []
        self.uploaded: dict[str, Path] = {}
        self.result = RESULT
        self.further: list[dict[str, Any]] = []

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        self.calls.append((method, path, body))
        if path.endswith("/continue") and self.further:
            self.result = self.further.pop(0)
        return {"id": "service-1", "project": "zoo"} if path.endswith("service-1") else self.result

    def upload(self, files: dict[str, Path]) -> None:
        self.uploaded |= files


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    monkeypatch.setattr(service_testing, "connect", lambda _: made)
    monkeypatch.setattr(service_testing, "_PAUSE_S", 0.0)
    return made


def test_a_folder_is_uploaded_with_its_labels_and_then_tested(client: Recorder, tmp_path: Path):
    for name in ("cat/1.jpg", "2.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert main(["service", "test", "service-1", str(tmp_path), "--threshold", "0.7", "--option", "top=1"]) == 0
    assert set(client.uploaded) == {f"{RESULT['path']}cat/1.jpg", f"{RESULT['path']}2.jpg"}
    assert client.calls[-1] == ("POST", "/v1/services/service-1/tests", {"options": {"top": "1"}, "threshold": 0.7})


def test_more_than_thirty_files_are_refused_before_any_is_uploaded(client: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    for number in range(31):
        (tmp_path / f"{number}.jpg").write_bytes(b"x")
    assert main(["service", "test", "service-1", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "service_test.too_many_files"
    assert client.uploaded == {}
    assert [method for method, _, _ in client.calls] == ["GET"]


def test_what_is_no_file_here_is_a_path_of_the_bucket(client: Recorder):
    assert main(["service", "test", "service-1", "zoo/inbox/"]) == 0
    assert client.calls == [("POST", "/v1/services/service-1/tests", {"options": {}, "threshold": 0.5, "path": "zoo/inbox/"})]


def test_answers_verdicts_hints_and_what_was_left_out_are_shown(
    client: Recorder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "200")
    image = {"true_label": None, "is_right": None, "predictions": [], "hint": "", "error": None}
    found = [{"label": "cat", "conf": 0.9}, {"label": "dog", "conf": 0.6}]
    images = [
        image | {"key": f"{RESULT['path']}cat/1.jpg", "true_label": "cat", "is_right": True, "predictions": found},
        image | {"key": f"{RESULT['path']}2.jpg", "hint": "Nothing reaches 0.50: lower the threshold."},
        image | {"key": f"{RESULT['path']}3.jpg", "error": "1002 IMAGE_DECODE_ERROR"},
    ]
    client.result = RESULT | {"images": images, "failed_count": 1}
    assert main(["service", "test", "service-1"]) == 1, "a failed image fails the command"
    shown = " ".join(capsys.readouterr().out.split())
    for text in ("cat/1.jpg", "0.9000", "right", "lower the", "1002", "1 of 1 right", "2 older ones below the path were left out"):
        assert text in shown


def test_the_command_goes_on_until_every_image_was_asked(client: Recorder, capsys: pytest.CaptureFixture[str]):
    client.result = RESULT | {"pending_count": 2}
    client.further = [RESULT | {"pending_count": 1}, RESULT | {"pending_count": 1}, RESULT]
    assert main(["service", "test", "service-1"]) == 0
    assert [path.rpartition("/")[2] for _, path, _ in client.calls] == ["tests", "continue", "continue", "continue"]
    told = capsys.readouterr().err.splitlines()
    assert told == ["test-1: 1 of 3 images", "test-1: 2 of 3 images"]


def test_a_test_that_was_cut_off_is_gone_on_with_by_its_name(client: Recorder, capsys: pytest.CaptureFixture[str]):
    client.further = [RESULT | {"pending_count": 1}, RESULT]
    assert main(["service", "test", "service-1", "--continue", "test-1"]) == 0
    assert {path for _, path, _ in client.calls} == {"/v1/services/service-1/tests/test-1/continue"}
    assert main(["service", "test", "service-1", "zoo/inbox/", "--continue", "test-1", "--json"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["error"]["code"] == "service_test.goes_on"


def test_what_has_no_answer_yet_is_said_with_the_way_to_go_on(client: Recorder, capsys: pytest.CaptureFixture[str]):
    client.result = RESULT | {"pending_count": 1}
    assert main(["service", "tests", "service-1", "test-1"]) == 1
    assert "1 not asked yet (go on: --continue test-1)" in " ".join(capsys.readouterr().out.split())


def test_an_empty_folder_tests_nothing(client: Recorder, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["service", "test", "service-1", str(tmp_path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "drop.empty_folder"
    assert [method for method, _, _ in client.calls] == ["GET"]


def test_a_name_that_is_not_kept_is_told_when_it_is_to_be_removed(client: Recorder, capsys: pytest.CaptureFixture[str]):
    client.result = {"path": "p/", "images": [{"name": "a.jpg", "size_bytes": 1}]}
    assert main(["service", "test-images", "service-1", "--remove", "b.jpg"]) == 0
    assert "there was no b.jpg" in capsys.readouterr().out


def test_who_interrupts_a_test_is_told_how_to_go_on(client: Recorder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    client.result = RESULT | {"pending_count": 2}
    monkeypatch.setattr(service_testing, "_again", interrupted)
    assert main(["service", "test", "service-1"]) == 130
    assert "What was answered is kept; to go on: --continue test-1" in capsys.readouterr().err
    monkeypatch.setattr(client, "call", interrupted)
    assert main(["service", "test", "service-1"]) == 130
    assert "`droplearn service tests service-1` lists it" in capsys.readouterr().err, "its name is not known yet"


def test_the_list_tells_how_far_each_test_is(client: Recorder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    one = RESULT | {"created_at": "2026-01-01T00:00:00.000Z"}
    monkeypatch.setattr(client, "pages", lambda *_: [one | {"pending_count": 1}, one], raising=False)
    assert main(["service", "tests", "service-1"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{RESULT['path']} 2 of 3 0" in shown
    assert f"{RESULT['path']} 3 0" in shown
