"""Weights that are moved by one with their zero points are the same numbers, and so are the answers."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from droplearn.networks import matrix_units, quantising
from droplearn.networks.graph_edit import constants
from droplearn.networks.quantising import read, to_int8

CHANNELS = matrix_units.LEAST_CHANNELS


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A long sum, a short one, a depthwise layer, and means of the channels."""
    rng = np.random.default_rng(0)
    shapes = {"long": (16, CHANNELS, 1, 1), "short": (16, 16, 1, 1), "depthwise": (16, 1, 3, 3)}
    arrays = {f"{name}.w": rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    arrays |= {f"{name}.b": rng.normal(size=16).astype(np.float32) for name in shapes}
    nodes, last = [], "x"
    for name, (_, channels, side, _) in shapes.items():
        told = {"kernel_shape": [side] * 2, "pads": [side // 2] * 4, "group": 16 if channels == 1 else 1}
        nodes.append(helper.make_node("Conv", [last, f"{name}.w", f"{name}.b"], [name], name=name, **told))
        last = name
    nodes.append(helper.make_node("GlobalAveragePool", [last], ["pooled"], name="pooled"))
    graph = helper.make_graph(
        nodes,
        "sums",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", CHANNELS, 7, 7])],
        [helper.make_tensor_value_info("pooled", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    path = tmp_path_factory.mktemp("network") / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def examples(count, seed=1):
    rng = np.random.default_rng(seed)
    return [{"x": rng.uniform(0, 6, (1, CHANNELS, 7, 7)).astype(np.float32)} for _ in range(count)]


def test_long_sums_are_routed_to_matrix_products_with_the_same_answers_to_the_last_bit(network, tmp_path, monkeypatch):
    for name, has in (("plain", False), ("moved", True)):
        monkeypatch.setattr(quantising, "has_matrix_units", lambda has=has: has)
        to_int8(read(network), tmp_path / f"{name}.onnx", examples(4), ())
    runs = [onnxruntime.InferenceSession(str(tmp_path / f"{n}.onnx"), providers=["CPUExecutionProvider"]) for n in ("plain", "moved")]
    for sample in examples(3, seed=2):
        plain, moved = (run.run(None, sample)[0] for run in runs)
        assert plain.std() > 0.1
        assert np.array_equal(plain, moved)


def test_only_the_long_sum_is_moved_and_only_once(network, tmp_path, monkeypatch):
    monkeypatch.setattr(quantising, "has_matrix_units", lambda: False)
    to_int8(read(network), tmp_path / "q.onnx", examples(4), ())
    model = read(tmp_path / "q.onnx")
    matrix_units.use_matrix_units(model)
    moved = [name for name in constants(model) if name.endswith(".moved")]
    assert [name.startswith("long.w") for name in moved] == [True]
    before = model.SerializeToString()
    matrix_units.use_matrix_units(model)
    assert model.SerializeToString() == before
