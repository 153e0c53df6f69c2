"""Maps that are doubled by copying rows are the maps that `Resize` makes, to the last bit."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from droplearn.networks import quantising
from droplearn.networks.quantising import read, to_int8

NEAREST = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}


def network(path, scales=(1, 1, 2, 2), **told):
    """Convolution -> enlarged -> convolution -> means of the channels."""
    rng = np.random.default_rng(0)
    arrays = {f"{name}.w": rng.normal(size=(4, 4, 1, 1)).astype(np.float32) for name in ("small", "large", "last")}
    arrays["scales"] = np.array(scales, np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "small.w"], ["small"], name="small", kernel_shape=[1, 1]),
        helper.make_node("Resize", ["small", "", "scales"], ["enlarged"], name="enlarged", **(NEAREST | told)),
        helper.make_node("Conv", ["enlarged", "large.w"], ["large"], name="large", kernel_shape=[1, 1]),
        helper.make_node("Conv", ["large", "last.w"], ["last"], name="last", kernel_shape=[1, 1]),
        helper.make_node("Softmax", ["last"], ["y"], name="y", axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "enlarging",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4, 3, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def examples(count, batch=1):
    rng = np.random.default_rng(batch)
    return [{"x": rng.normal(size=(batch, 4, 3, 5)).astype(np.float32)} for _ in range(count)]


def test_a_map_doubled_by_copying_is_the_one_that_resize_makes(tmp_path, monkeypatch):
    model = read(network(tmp_path / "model.onnx"))
    to_int8(model, tmp_path / "copied.onnx", examples(4), ())
    monkeypatch.setattr(quantising, "copy_rows", lambda quantised: None)
    to_int8(model, tmp_path / "resized.onnx", examples(4), ())
    kinds = [{node.op_type for node in read(tmp_path / name).graph.node} for name in ("copied.onnx", "resized.onnx")]
    assert ["Resize" in kind for kind in kinds] == [False, True]
    runs = [onnxruntime.InferenceSession(str(tmp_path / n), providers=["CPUExecutionProvider"]) for n in ("copied.onnx", "resized.onnx")]
    for sample in examples(2, batch=3):
        copied, resized = (run.run(None, sample)[0] for run in runs)
        assert copied.shape == (3, 4, 6, 10)
        assert np.array_equal(copied, resized)


@pytest.mark.parametrize(("scales", "told"), [((1, 1, 3, 3), {}), ((1, 1, 2, 2), {"mode": "linear"})])
def test_what_is_enlarged_in_another_way_stays(tmp_path, scales, told):
    to_int8(read(network(tmp_path / "model.onnx", scales, **told)), tmp_path / "q.onnx", examples(4), ())
    assert "Resize" in {node.op_type for node in read(tmp_path / "q.onnx").graph.node}
