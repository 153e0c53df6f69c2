"""Several versions in one server: which answers, what a broken one does to the others, and how much memory they get."""

from __future__ import annotations

import json
import random
import shutil
import tarfile
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

import pytest

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.prediction import ErrorCode
from droplearn.contracts.versions import SharedVersions
from server.admission import Phase
from server.app import Serving
from server.engine import Engines
from server.errors import Ended, InvalidModel, RequestError
from server.model_archive import unpack
from server.settings import Settings
from server.versions import Version, Versions, load_versions, remove_unpacked
from tests.unit.serving.pictures import encode, scene
from tests.unit.serving.test_server_parts import ask
from tests.unit.serving.tiny_model import write_model, write_versions

PICTURE = encode(scene(40, 30, 1), "PNG")


def named(*versions: tuple[str, float]) -> Versions:
    return Versions([Version(name, weight, object()) for name, weight in versions], chance=random.Random(7))  # type: ignore[arg-type]


def serving(folder: Path, version: str = "") -> Serving:
    made = Serving(Settings(folder, version=version))
    made.versions = load_versions(made.settings)
    made.admission.phase = Phase.READY
    return made


# ---- which one answers
def test_traffic_is_shared_by_weight_and_a_weight_of_none_gets_none() -> None:
    versions = named(("v1", 9.0), ("v2", 1.0), ("v3", 0.0))
    told = Counter(versions.choose(None).name for _ in range(4000))
    assert set(told) == {"v1", "v2"}
    assert 0.08 < told["v2"] / 4000 < 0.12


def test_who_names_a_version_gets_it_whatever_its_weight() -> None:
    assert named(("v1", 1.0), ("v3", 0.0)).choose("v3").name == "v3"


def test_a_version_that_is_none_is_the_callers_error_and_one_that_is_broken_is_ours() -> None:
    versions = Versions([Version("v1", 1.0, object())], refused={"v2": InvalidModel("model.corrupt_file", "x")})  # type: ignore[arg-type]
    for name, code in (("v9", ErrorCode.INPUT_FORMAT_ERROR), ("v2", ErrorCode.GET_INSTANCE_ERROR)):
        with pytest.raises(RequestError, match=name) as caught:
            versions.choose(name)
        assert caught.value.code is code


# ---- loading
def test_each_version_answers_with_its_own_model_and_says_so(tmp_path: Path) -> None:
    both = serving(write_versions(tmp_path, v1=1.0, v2=0.0))
    for query, name in ((b"version=v1", "v1"), (b"version=v2", "v2"), (b"", "v1")):
        sent = ask(both, body=PICTURE, query=query, content_type="image/png")
        assert sent[0]["status"] == 200
        assert dict(sent[0]["headers"])[b"x-amzn-sagemaker-custom-attributes"] == f"version={name}".encode()
        labels = {answer["label"] for answer in json.loads(sent[1]["body"])["result"]["output"][0]["body"]}
        assert name in labels
    told = ask(both, body=PICTURE, content_type="image/png", x_amzn_sagemaker_custom_attributes="version=v2&top=1")
    assert dict(told[0]["headers"])[b"x-amzn-sagemaker-custom-attributes"] == b"version=v2"
    assert json.loads(ask(both, "/ping", method="GET")[1]["body"]) == {"status": "ready", "versions": {"v1": "ready", "v2": "ready"}}
    text = ask(both, "/metrics", method="GET")[1]["body"].decode()
    assert 'droplearn_requests_total{code="ok",version="v1"} 2' in text
    assert 'droplearn_request_seconds_count{version="v2"} 2' in text
    summary = both.metrics.summary()
    assert summary is not None
    assert (summary["requests"], summary["by_version"]["v2"]["by_code"]) == (4, {"ok": 2})


def test_a_broken_version_leaves_the_others_and_readiness_says_which(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_versions(tmp_path, v1=0.5, v2=0.5)
    (folder / "of-v2" / "model.onnx").write_bytes(b"another")
    left = serving(folder)
    assert json.loads(ask(left, "/ping", method="GET")[1]["body"])["versions"] == {"v1": "ready", "v2": "model.corrupt_file"}
    assert {left.versions.choose(None).name for _ in range(20)} == {"v1"}  # type: ignore[union-attr]
    assert ask(left, body=PICTURE, query=b"version=v2", content_type="image/png")[0]["status"] == 503
    assert '"event":"version_refused"' in capsys.readouterr().out


def test_without_a_version_that_takes_traffic_or_without_the_one_it_was_started_for_it_does_not_start(tmp_path: Path) -> None:
    folder = write_versions(tmp_path, v1=1.0, v2=0.0)
    (folder / "of-v1" / "model.json").unlink()
    with pytest.raises(InvalidModel, match="No version is left that takes traffic; v1"):
        load_versions(Settings(folder))
    write_model(folder / "of-v1")
    (folder / "of-v2" / "model.json").write_text("{}")
    assert load_versions(Settings(folder)).states() == {"v1": "ready", "v2": "model.unusable"}
    with pytest.raises(InvalidModel, match="ModelManifest"):
        load_versions(Settings(folder, version="v2"))


def test_what_was_not_foreseen_in_one_version_is_its_own_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(settings: Settings, *given: object) -> object:
        if settings.model_dir.name == "of-v2":
            raise KeyError("inner")
        return object()

    monkeypatch.setattr("server.versions.load_prediction", fails)
    assert load_versions(Settings(write_versions(tmp_path, v1=1.0, v2=1.0))).states() == {"v1": "ready", "v2": "model.unusable"}


def test_a_version_may_lie_there_as_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    folder = write_versions(tmp_path / "model", v1=1.0, v2=1.0, v3=1.0)
    for name in ("v1", "v2"):
        own = folder / f"of-{name}"
        with tarfile.open(tmp_path / "archive", "w:gz") as archive:
            archive.add(own, ".")
        shutil.rmtree(own)
        own.mkdir()
        (tmp_path / "archive").rename(own / "model.tar.gz")
    (folder / "of-v2" / "model.tar.gz").write_bytes(b"no archive")
    (tmp_path / "temporary" / "droplearn-versions-8080" / "of-v1").mkdir(parents=True)  # a server that was killed has left it
    for _ in range(2):
        versions = load_versions(Settings(folder))
        assert versions.states() == {"v1": "ready", "v3": "ready", "v2": "model.unusable"}
    remove_unpacked(Settings(folder))
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_server_that_ends_unpacks_nothing_more_behind_its_own_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    folder = write_versions(tmp_path / "model", v1=1.0)
    archive = folder / "of-v1" / "model.tar.gz"
    with tarfile.open(tmp_path / "archive", "w:gz") as written:
        for name in ("model.json", "model.onnx"):
            written.add(folder / "of-v1" / name, name)
    (tmp_path / "archive").rename(archive)
    engines = Engines(Settings(folder))
    engines.close()
    with pytest.raises(Ended):
        load_versions(Settings(folder), engines)
    assert not (tmp_path / "temporary").exists()

    steps = iter([nullcontext, engines.step])
    with pytest.raises(Ended):
        unpack(archive, tmp_path / "unpacked", 10**6, lambda: next(steps)())
    assert [file.name for file in (tmp_path / "unpacked").iterdir()] == ["model.json"]


def test_an_engine_that_is_asked_for_while_the_server_ends_is_no_fault_of_the_version(tmp_path: Path) -> None:
    settings = Settings(write_versions(tmp_path, v1=0.5, v2=0.5), engine="triton")
    engines = Engines(settings)
    engines.close()
    with pytest.raises(Ended):
        load_versions(settings, engines)


def test_versions_that_find_no_room_are_refused_the_one_with_the_least_traffic_first(tmp_path: Path) -> None:
    folder = write_versions(tmp_path, v1=0.2, v2=0.8)
    for name in ("v1", "v2"):
        manifest = json.loads((folder / f"of-{name}" / "model.json").read_text())
        manifest["files"][0]["size_bytes"] = 700_000
        (folder / f"of-{name}" / "model.json").write_text(json.dumps(manifest))
    assert load_versions(Settings(folder, max_models_mb=1)).states() == {"v2": "ready", "v1": "model.too_large"}


def test_the_only_model_of_a_folder_has_the_name_that_the_settings_give_or_none(tmp_path: Path) -> None:
    write_model(tmp_path)
    sent = ask(serving(tmp_path, "v7"), body=PICTURE, content_type="image/png")
    assert dict(sent[0]["headers"])[b"x-amzn-sagemaker-custom-attributes"] == b"version=v7"
    plain = serving(tmp_path)
    assert b"x-amzn-sagemaker-custom-attributes" not in dict(ask(plain, body=PICTURE, content_type="image/png")[0]["headers"])
    assert json.loads(ask(plain, "/ping", method="GET")[1]["body"]) == {"status": "ready"}
    assert ask(plain, body=PICTURE, query=b"version=v1", content_type="image/png")[0]["status"] == 400


# ---- the file
@pytest.mark.parametrize(
    ("versions", "why"),
    [
        ([], "at least 1"),
        ([{"name": "v1", "folder": "../v1", "weight": 1}], "pattern"),
        ([{"name": "v 1", "folder": "v1", "weight": 1}], "pattern"),
        ([{"name": "v1", "folder": "v1", "weight": -1}], "greater than or equal to 0"),
        ([{"name": "v1", "folder": "v1", "weight": 0}], "No version would get any traffic"),
        ([{"name": "v1", "folder": "a", "weight": 1}, {"name": "v1", "folder": "b", "weight": 1}], "the same name"),
        ([{"name": "v1", "folder": "a", "weight": 1}, {"name": "v2", "folder": "a", "weight": 1}], "the same folder"),
    ],
)
def test_a_list_of_versions_that_cannot_be_meant_is_refused(tmp_path: Path, versions: list[object], why: str) -> None:
    text = json.dumps({"versions": versions})
    with pytest.raises(InvalidRequest, match=why):
        SharedVersions.from_json(text)
    (tmp_path / "versions.json").write_text(text)
    with pytest.raises(InvalidModel, match=why) as caught:
        load_versions(Settings(tmp_path))
    assert caught.value.code == "model.unusable"
