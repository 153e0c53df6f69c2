"""What is written for Triton and asked of TensorRT; neither is started here."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.model import TensorSpec
from droplearn.contracts.triton import ANYWHERE, Running, config_text, repository_files
from server.errors import InvalidModel
from server.settings import read_settings
from server.tensorrt import options, providers, triton_parameters
from server.triton.child import command_of, find_installation
from server.triton.repository import write_model
from server.workers import MOST_AT_ONCE
from tests.unit.serving.tiny_model import manifest_of, network

MANIFEST = manifest_of(network())
CACHE = Path("/plans")
GOLDENS = Path(__file__).parents[2] / "contract" / "goldens" / "triton"


def test_the_configuration_of_a_model_follows_its_manifest():
    text = config_text(MANIFEST, running=Running("onnxruntime", 2))
    for line in (
        'backend: "onnxruntime"',
        "max_batch_size: 16",
        'input [ { name: "image" data_type: TYPE_UINT8 dims: [ 32, 32, 3 ] } ]',
        'output [ { name: "probabilities" data_type: TYPE_FP32 dims: [ 3 ] label_filename: "labels.txt" } ]',
        "instance_group [ { count: 2 kind: KIND_CPU } ]",
        "dynamic_batching { }",
    ):
        assert line in text.splitlines()


def test_a_network_whose_first_axis_is_no_batch_is_never_batched():
    sound = MANIFEST.model_copy(
        update={
            "inputs": [TensorSpec(name="windows", dtype="float32", shape=[-1, 16000], axes="WT")],
            "outputs": [TensorSpec(name="probabilities", dtype="float32", shape=[1, 4], axes="NC")],
        }
    )
    text = config_text(sound, running=Running("python", 1))
    assert "max_batch_size: 0" in text
    assert "dynamic_batching" not in text
    assert "dims: [ -1, 16000 ]" in text


def test_a_repository_has_the_network_and_for_the_python_backend_what_runs_it(tmp_path):
    (tmp_path / "network.onnx").write_bytes(b"onnx")
    for backend, files in (("python", {"model.onnx", "model.py"}), ("onnxruntime", {"model.onnx"})):
        for name in ("v1", "v2"):
            write_model(tmp_path / backend, name, tmp_path / "network.onnx", MANIFEST, Running(backend, 1))
            assert {file.name for file in (tmp_path / backend / name / "1").iterdir()} == files
            assert (tmp_path / backend / name / "config.pbtxt").read_text().startswith(f'name: "{name}"')


def test_what_the_server_writes_is_what_an_export_has_and_then_where_it_runs(tmp_path):
    (tmp_path / "network.onnx").write_bytes(b"onnx")
    exported = repository_files(MANIFEST)
    assert exported["model/config.pbtxt"] == (GOLDENS / "config.pbtxt").read_bytes()
    for running in (ANYWHERE, Running("onnxruntime", 2)):
        write_model(tmp_path, "model", tmp_path / "network.onnx", MANIFEST, running)
        written = {path: (tmp_path / path).read_bytes() for path in exported}
        assert written["model/labels.txt"] == exported["model/labels.txt"]
        assert written["model/config.pbtxt"].startswith(exported["model/config.pbtxt"])
    assert (tmp_path / "model/config.pbtxt").read_bytes() == (GOLDENS / "config_on_two_cores.pbtxt").read_bytes()
    write_model(tmp_path, "model", tmp_path / "network.onnx", MANIFEST, ANYWHERE)
    assert (tmp_path / "model/config.pbtxt").read_bytes() == exported["model/config.pbtxt"]


def test_the_child_listens_for_grpc_on_loopback_and_for_nothing_else():
    command = command_of(Path("/bin/tritonserver"), Path("/models"), Path("/backends"), 7001)
    assert {"--grpc-address=127.0.0.1", "--grpc-port=7001"} <= set(command)
    assert {f"--allow-{name}=false" for name in ("http", "metrics", "sagemaker", "vertex-ai")} <= set(command)


def test_an_installation_is_known_by_its_folders_and_a_missing_one_is_told(tmp_path):
    with pytest.raises(InvalidModel) as caught:
        find_installation(tmp_path)
    assert caught.value.code == "engine.missing"
    for name in ("bin", "backends/onnxruntime"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "bin" / "tritonserver").write_bytes(b"")
    assert find_installation(tmp_path).backend == "onnxruntime"


def test_tensorrt_comes_before_cuda_and_the_cpu_where_it_is_wanted_and_there():
    have = ["CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"]
    assert [p if isinstance(p, str) else p[0] for p in providers(have, "fp16", MANIFEST, CACHE)] == [*reversed(have)]
    assert providers(have, "off", MANIFEST, CACHE) == ["CUDAExecutionProvider", "CPUExecutionProvider"]
    assert providers(["CPUExecutionProvider"], "int8", MANIFEST, CACHE) == ["CPUExecutionProvider"]


def test_a_plan_is_kept_under_the_name_of_model_variant_and_precision_for_batches_up_to_sixteen():
    told = options("int8", MANIFEST.model_copy(update={"variant": "int8"}), CACHE)
    assert told["trt_engine_cache_path"] == "/plans"
    assert told["trt_engine_cache_prefix"] == "model-tiny-int8-int8"
    assert (told["trt_int8_enable"], told["trt_fp16_enable"]) == ("1", "1")
    assert options("fp16", MANIFEST, CACHE)["trt_int8_enable"] == "0"
    assert (told["trt_profile_min_shapes"], told["trt_profile_max_shapes"]) == ("image:1x32x32x3", "image:16x32x32x3")
    text = config_text(MANIFEST, running=Running("onnxruntime", 1, is_on_gpu=True, tensorrt=triton_parameters("fp16", CACHE)))
    assert 'name: "tensorrt"' in text
    assert "KIND_GPU" in text


def test_engine_and_precision_are_settings_and_anything_else_is_refused_by_name():
    told = read_settings({"SERVER_ENGINE": "triton", "SERVER_TENSORRT": "fp16", "SERVER_WORKERS": "2", "SERVER_TRITON_HOME": "/t"})
    assert (told.engine, told.tensorrt, told.threads, told.triton_home) == ("triton", "fp16", 16, Path("/t"))
    assert (told.most_at_once, replace(told, engine="ort").most_at_once) == (1, MOST_AT_ONCE)
    assert read_settings({"SERVER_WORKERS": "2"}).threads == 2
    with pytest.raises(InvalidRequest, match="SERVER_ENGINE"):
        read_settings({"SERVER_ENGINE": "tensorflow"})


def test_inside_triton_a_request_that_cannot_be_run_takes_no_other_of_its_batch_with_it(tmp_path, monkeypatch):
    """Its module is given to us by Triton, so here it is made up; the session, too, which cannot run a 7."""

    class Tensor:
        def __init__(self, name, value):
            self.name, self.value = name, value

        from_dlpack = classmethod(lambda cls, name, value: cls(name, value))

        def __dlpack__(self, **given):
            return self.value.__dlpack__(**given)

        def __dlpack_device__(self):
            return self.value.__dlpack_device__()

    fake = SimpleNamespace(
        Tensor=Tensor,
        TritonError=str,
        InferenceResponse=lambda tensors=None, error=None: SimpleNamespace(tensors=tensors, error=error),
        get_input_tensor_by_name=lambda request, name: Tensor(name, request),
    )
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", fake)
    model = import_module("server.triton.model").TritonPythonModel()
    monkeypatch.delitem(sys.modules, "server.triton.model")

    class Session:
        def run(self, outputs, tensors):
            if (tensors["image"] == 7).any():
                raise RuntimeError("no sevens")
            return [tensors["image"] * 2]

    model._session, model._inputs, model._outputs = Session(), ["image"], ["probabilities"]
    answers = model.execute([np.full((1, 2), n, np.float32) for n in (1, 7, 3)])
    assert [a.error is not None for a in answers] == [False, True, False]
    assert [a.tensors[0].value.tolist() for a in (answers[0], answers[2])] == [[[2, 2]], [[6, 6]]]
    together = model.execute([np.full((1, 2), n, np.float32) for n in (1, 2)])
    assert [a.tensors[0].value.tolist() for a in together] == [[[2, 2]], [[4, 4]]]
