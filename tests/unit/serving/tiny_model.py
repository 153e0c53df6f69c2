"""A model of a few hundred bytes with the contract of a real one: uint8 (N, S, S, 3) in, probabilities out.

It answers which colour channel is strongest, so tests know the right answer of any picture. It fails on an all-white picture, on purpose.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from droplearn.contracts.model import ModelFile, ModelManifest, TensorSpec

LABELS = ["red", "green", "blue"]
SIZE = 32


def network(size: int = SIZE) -> bytes:
    constants = {
        "scale": np.float32(1 / 16),
        "white": np.float32(254.5),
        "only": np.zeros(1, np.float32),
        "axes": np.array([1, 2], np.int64),
        "batch": np.array([-1, 3], np.int64),
    }
    node = helper.make_node
    nodes = [
        node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        node("ReduceMean", ["pixels", "axes"], ["means"], keepdims=0),
        node("ReduceMin", ["means"], ["darkest"], keepdims=0),
        node("Greater", ["darkest", "white"], ["is_white"]),
        node("Cast", ["is_white"], ["index"], to=TensorProto.INT64),
        node("Gather", ["only", "index"], ["zero"]),  # index 1 of one element: the run fails
        node("Mul", ["means", "scale"], ["scaled"]),
        node("Add", ["scaled", "zero"], ["logits"]),
        node("Reshape", ["logits", "batch"], ["flat"]),
        node("Softmax", ["flat"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", size, size, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def manifest_of(network_bytes: bytes, labels: list[str] | None = None, size: int = SIZE, **changes: object) -> ModelManifest:
    told, digest = labels or LABELS, hashlib.sha256(network_bytes).hexdigest()
    manifest = ModelManifest(
        model_id="model-tiny", task_id="task-tiny", scenario="image_classification", preset="high_performance", dataset_version="v-0",
        code_version="test", created_at="2026-01-01T00:00:00Z", labels=told,
        inputs=[TensorSpec(name="image", dtype="uint8", shape=[-1, size, size, 3], axes="NHWC")],
        outputs=[TensorSpec(name="probabilities", dtype="float32", shape=[-1, len(told)], axes="NC")],
        files=[ModelFile(name="model.onnx", role="network", size_bytes=len(network_bytes), sha256=digest)],
        metrics={}, metrics_protocol="validation", stop_reason="converged", is_final=True,
        preprocessing={"size": size, "resample": "bilinear"},
    )  # fmt: skip
    return manifest.model_copy(update=changes)


def write_model(folder: Path, **changes: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    content = network()
    (folder / "model.onnx").write_bytes(content)
    (folder / "model.json").write_text(manifest_of(content, **changes).to_json())  # type: ignore[arg-type]
    return folder


def write_versions(folder: Path, **weights: float) -> Path:
    """A model folder with tiny models, each of which has a label of its own name."""
    told = [{"name": name, "folder": f"of-{name}", "weight": weight} for name, weight in weights.items()]
    for version in told:
        write_model(folder / str(version["folder"]), labels=[str(version["name"]), "green", "blue"])
    (folder / "versions.json").write_text(json.dumps({"versions": told}))
    return folder
