"""A model packed for use without droplearn: what is in it, and that it runs in a process that knows nothing of droplearn."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from chalicelib.service.exporting import export_model
from droplearn import scenarios
from droplearn.contracts.errors import NotFound, UnsupportedScenario
from droplearn.contracts.model import ModelManifest, TensorSpec
from droplearn.contracts.triton import config_text
from droplearn.scenarios.sound_classification.sample import sound
from tests.fakes import FakePlatform
from tests.pictures import picture
from tests.unit.control_plane.things import a_model, a_platform, write_network
from tests.unit.serving.constant_network import constant_network
from tests.unit.serving.tiny_model import LABELS, SIZE, network


@pytest.fixture
def platform() -> FakePlatform:
    made = a_platform()
    write_network(made, a_model(made, labels=LABELS), network(SIZE))
    return made


def packed(platform: FakePlatform, form: Any) -> bytes:
    model = next(iter(platform.models.known))
    export_model(platform, model, form)
    (key,) = [key for key in platform.artifacts.objects if key.startswith(f"exports/{model}/") and f"-{form}." in key]
    return platform.artifacts.objects[key]


def test_an_exported_model_runs_with_onnxruntime_numpy_and_pillow_alone(platform: FakePlatform, tmp_path: Path):
    zipfile.ZipFile(io.BytesIO(packed(platform, "onnx"))).extractall(tmp_path)
    (tmp_path / "blue.jpg").write_bytes(picture("triangle", 1))
    forbidden = "import sys\nfor name in ('droplearn', 'chalicelib', 'torch', 'server'): sys.modules[name] = None\n"
    (tmp_path / "sitecustomize.py").write_text(forbidden)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(tmp_path / "model/predict.py"), str(tmp_path / "blue.jpg")],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split("\t")[1:] for line in done.stdout.splitlines()]
    assert {label for label, _ in rows} == set(LABELS)
    assert sum(float(probability) for _, probability in rows) == pytest.approx(1, abs=1e-4)


def run_alone(folder: Path, scenario: str, network: bytes, file: Path) -> list[list[str]]:
    """What the scenario's program prints, a list of words a line."""
    program = folder / "predict.py"
    program.write_bytes((Path(scenarios.__file__).parent / scenario / "standalone.py").read_bytes())
    (folder / "labels.json").write_text('["beep", "knock"]')
    (folder / "model.onnx").write_bytes(network)
    done = subprocess.run([sys.executable, str(program), str(file)], env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [line.split("\t")[1:] for line in done.stdout.splitlines()]


def test_the_program_of_a_detector_tells_boxes_in_pixels(tmp_path: Path):
    boxes = np.array([[[80, 60, 240, 180], [82, 60, 240, 180], [0, 0, 10, 10]]], np.float32)
    scores = np.array([[[0.9, 0.0], [0.8, 0.0], [0.0, 0.1]]], np.float32)
    given = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, 320, 320, 3])
    (tmp_path / "a.jpg").write_bytes(picture("circle", 1, side_px=640))
    rows = run_alone(tmp_path, "object_detection", constant_network("image", given, {"boxes": boxes, "scores": scores}), tmp_path / "a.jpg")
    assert rows == [["beep", "0.900000", "[160.0, 120.0, 480.0, 360.0]"]]


def test_the_program_tells_its_use_where_no_file_is_named(tmp_path: Path):
    (tmp_path / "predict.py").write_bytes((Path(scenarios.__file__).parent / "sound_classification" / "standalone.py").read_bytes())
    (tmp_path / "labels.json").write_text("[]")
    (tmp_path / "model.onnx").write_bytes(network(SIZE))
    done = subprocess.run([sys.executable, str(tmp_path / "predict.py")], env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "python predict.py SOUND" in done.stderr


def test_the_program_of_a_sound_classifier_reads_any_rate(tmp_path: Path):
    given = helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["W", 1344])
    listener = constant_network("samples", given, {"probabilities": np.array([[0.25, 0.75]], np.float32)})
    (tmp_path / "a.ogg").write_bytes(sound("knock", 1, seconds=0.4, kind="OGG"))
    rows = run_alone(tmp_path, "sound_classification", listener, tmp_path / "a.ogg")
    assert rows == [["knock", "0.750000"], ["beep", "0.250000"]]


def test_the_zip_holds_network_labels_card_and_program_but_no_predictions(platform: FakePlatform):
    archive = zipfile.ZipFile(io.BytesIO(packed(platform, "onnx")))
    assert sorted(archive.namelist()) == [
        f"model/{name}" for name in ("README.md", "labels.json", "model.json", "model.onnx", "predict.py")
    ]
    assert json.loads(archive.read("model/labels.json")) == LABELS
    manifest = ModelManifest.from_json(archive.read("model/model.json"))
    assert [file.name for file in manifest.files] == ["model.onnx"]
    card = archive.read("model/README.md").decode()
    assert "| valid_top1_accuracy | 0.9000 |" in card
    assert "few examples" in card


def test_the_repository_is_as_triton_wants_it(platform: FakePlatform):
    with tarfile.open(fileobj=io.BytesIO(packed(platform, "triton")), mode="r:gz") as archive:
        assert archive.getnames() == ["model/config.pbtxt", "model/labels.txt", "model/1/model.onnx", "model/README.md"]
        config = archive.extractfile("model/config.pbtxt").read().decode()
    assert 'input [ { name: "image" data_type: TYPE_UINT8 dims: [ 224, 224, 3 ] } ]' in config
    assert 'dims: [ 3 ] label_filename: "labels.txt"' in config
    assert "dynamic_batching" in config


def test_a_network_without_an_axis_for_the_batch_is_not_batched(platform: FakePlatform):
    windows = TensorSpec(name="samples", dtype="float32", shape=[-1, 1344], axes="WT")
    once = TensorSpec(name="probabilities", dtype="float32", shape=[1, 3], axes="NC")
    manifest = write_network(platform, a_model(platform)).model_copy(update={"inputs": [windows], "outputs": [once]})
    config = config_text(manifest)
    assert "max_batch_size: 0" in config
    assert "dims: [ -1, 1344 ]" in config
    assert "dynamic_batching" not in config


@pytest.mark.parametrize("form", ["onnx", "triton"])
def test_the_same_model_gives_the_same_bytes_and_is_packed_once(platform: FakePlatform, form: Any):
    first = packed(platform, form)
    platform.artifacts.upload = None  # a second pack would fail
    assert packed(platform, form) == first
    key = next(key for key in platform.artifacts.objects if key.startswith("exports/"))
    del platform.artifacts.upload
    del platform.artifacts.objects[key]
    assert packed(platform, form) == first


def test_an_export_has_a_short_lived_url_with_a_file_name(platform: FakePlatform):
    model = next(iter(platform.models.known))
    made = export_model(platform, model, "triton")
    assert made.file_name == f"{model}-triton.tar.gz"
    assert made.url.endswith(f"?expires=900&file={made.file_name}")


@pytest.mark.parametrize("scenario", ["ocr", "tabular_prediction", "recommendation"])
def test_a_model_that_is_more_than_one_network_cannot_be_exported(platform: FakePlatform, scenario: str):
    model = a_model(platform, scenario=scenario)
    with pytest.raises(UnsupportedScenario, match=r"export\.not_for_this_scenario"):
        export_model(platform, model.id, "onnx")


def test_a_model_whose_network_is_gone_says_so(platform: FakePlatform):
    key = next(key for key in platform.artifacts.objects if key.endswith("model.onnx"))
    del platform.artifacts.objects[key]
    with pytest.raises(NotFound, match=r"model\.gone"):
        export_model(platform, next(iter(platform.models.known)), "onnx")
