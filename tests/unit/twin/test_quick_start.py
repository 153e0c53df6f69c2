"""What lets a twin start quickly must not change what it does."""

import base64
import hashlib
import io
import json
import pickle
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from twin import absent
from twin.lambdas import function_code
from twin.lambdas.code import place, unpack
from twin.snapshot.blobs import Blob
from twin.stepfunctions.definitions import parse, remembering

_DEFINITION = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Comment": "x" * 2000, "End": True}}})


def test_a_definition_known_to_be_right_is_not_parsed_by_the_next_twin(tmp_path: Path) -> None:
    asked: list[str] = []
    for _ in range(2):
        remembering(asked.append, tmp_path / "definitions")(_DEFINITION)
    assert asked == [_DEFINITION]


def test_a_wrong_definition_is_refused_each_time(tmp_path: Path) -> None:
    def refuse(definition: str) -> None:
        raise ValueError(definition)

    for _ in range(2):
        with pytest.raises(ValueError, match="StartAt"):
            remembering(refuse, tmp_path / "definitions")(_DEFINITION)


def test_executions_of_one_definition_share_its_tree_but_no_component() -> None:
    (first, first_tree), (second, second_tree) = parse(_DEFINITION), parse(_DEFINITION)
    assert first_tree is second_tree
    assert first is not second
    assert first.states.states["A"] is not second.states.states["A"]


def test_code_from_s3_has_the_digest_of_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Blob, "root", tmp_path, raising=False)
    blob = Blob()
    blob.write(b"code")
    code, size, base64_digest, digest = function_code._content_of(SimpleNamespace(_value_buffer=blob, size=4))
    assert (code, size, digest) == (blob, 4, hashlib.sha256(b"code").hexdigest())
    assert base64.b64decode(base64_digest) == hashlib.sha256(b"code").digest()


def test_placed_code_is_what_unpack_finds(tmp_path: Path) -> None:
    archive, unpacked, root = tmp_path / "code.zip", tmp_path / "unpacked", tmp_path / "root"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", "x = 1")
    unpacked.mkdir()
    (unpacked / "app.py").write_text("x = 1")
    for _ in range(2):
        place(archive, unpacked, root)
    body = archive.read_bytes()
    found = unpack(body, base64.b64encode(hashlib.sha256(body).digest()).decode(), root)
    assert (found / "app.py").samefile(unpacked / "app.py")
    assert list(root.iterdir()) == [found]
    assert zipfile.ZipFile(io.BytesIO(body)).namelist() == [path.name for path in found.iterdir()]


def test_what_is_left_out_says_so_when_it_is_asked_for() -> None:
    for ask in (absent.NoBatch, absent.refuse_document, lambda: absent.NoCluster().services):
        with pytest.raises(NotImplementedError, match="the twin"):
            ask()


def test_a_snapshot_may_hold_what_is_left_out() -> None:
    assert isinstance(pickle.loads(pickle.dumps(absent.NoCluster())), absent.NoCluster)
