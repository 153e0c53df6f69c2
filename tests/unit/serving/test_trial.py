"""The image as a Lambda: fetch, verify, hold one model, answer in the prediction form."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from server import model_archive, trial
from server.errors import InvalidModel
from server.model_archive import fetch_model
from tests.unit.serving.pictures import encode, scene
from tests.unit.serving.tiny_model import write_model


def packed(folder: Path) -> bytes:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as tar:
        for file in sorted(folder.iterdir()):
            tar.add(file, file.name)
    return body.getvalue()


@pytest.fixture
def archives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, bytes]:
    """What lies behind links, and how often each was fetched."""
    found: dict[str, bytes] = {}

    def urlopen(url: str, timeout: float) -> io.BytesIO:
        assert timeout
        if url not in found:
            raise OSError("404")
        return io.BytesIO(found[url])

    monkeypatch.setattr(model_archive.urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(model_archive.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    monkeypatch.setenv("SERVER_WORKERS", "1")
    trial._held.clear()
    write_model(tmp_path / "model")
    found["https://s3/model"] = packed(tmp_path / "model")
    return found


def asked(**fields: Any) -> dict[str, Any]:
    event = {"archive_key": "a", "archive_url": "https://s3/model", "body": "{}", "is_base64": False, "content_type": "application/json"}
    return trial.handle(event | fields, None)


def test_a_model_is_fetched_once_and_answers_as_a_service_does(archives: dict[str, bytes]):
    picture = base64.b64encode(encode(scene(), "PNG")).decode()
    told = asked(body=picture, is_base64=True, content_type="image/png", query="top=1")
    answer = json.loads(told["body"])
    assert (told["http_status"], answer["success"], len(answer["result"]["output"][0]["body"])) == (200, True, 1)
    archives.clear()
    assert asked()["http_status"] == 400, "1001, by the model that is still there"
    assert json.loads(asked(query="details=true")["body"])["detail"]
    assert asked(archive_key="b")["refused"]["code"] == "model.missing"


def test_a_changed_file_is_refused(archives: dict[str, bytes], tmp_path: Path):
    (tmp_path / "model" / "model.onnx").write_bytes(b"other")
    archives["https://s3/model"] = packed(tmp_path / "model")
    assert asked()["refused"]["code"] == "model.corrupt_file"


@pytest.mark.parametrize("most_mb", ["0", "1"])
def test_what_is_too_large_is_refused_before_it_fills_the_disk(
    archives: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_mb: str
):
    (tmp_path / "model" / "zeros").write_bytes(bytes(3 * 1024 * 1024))  # a few kB when packed
    archives["https://s3/model"] = packed(tmp_path / "model")
    monkeypatch.setenv("SERVER_MAX_MODEL_MB", most_mb)
    with pytest.raises(InvalidModel, match=r"model\.too_large"):
        fetch_model("https://s3/model")
    assert sum(file.stat().st_size for file in (tmp_path / "tmp").rglob("*") if file.is_file()) < 2 * 1024 * 1024


@pytest.mark.parametrize("body", [b"", b"no archive", b"\x1f\x8b"])
def test_what_is_no_archive_is_refused(archives: dict[str, bytes], body: bytes):
    archives["https://s3/model"] = body
    with pytest.raises(InvalidModel, match=r"model\.unusable"):
        fetch_model("https://s3/model")
    with pytest.raises(InvalidModel, match=r"model\.missing"):
        fetch_model("file:///etc/passwd")


def test_an_archive_cannot_write_outside_its_folder(archives: dict[str, bytes], tmp_path: Path):
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../../escaped"), io.BytesIO())
    archives["https://s3/model"] = body.getvalue()
    with pytest.raises(InvalidModel, match=r"model\.unusable"):
        fetch_model("https://s3/model")
    assert not list(tmp_path.rglob("escaped"))
