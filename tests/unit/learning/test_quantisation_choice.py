"""What goes into 8 bits and what does not, and what the biases take back."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from droplearn.networks.quantisation_choice import quantisable
from droplearn.networks.quantisation_means import seen_means
from droplearn.networks.quantising import read, to_int8
from droplearn.networks.samples import spread


def model(nodes: list[onnx.NodeProto], arrays: dict[str, np.ndarray], output: str) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4, 8, 8])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def chain(*steps: str) -> onnx.ModelProto:
    """`conv` and other kinds of nodes one behind the other, named by their places."""
    nodes, last = [], "x"
    for place, kind in enumerate(steps):
        inputs = [last, "w"] if kind == "Conv" else [last]
        nodes.append(helper.make_node(kind, inputs, [f"{kind}{place}"], name=f"{kind}{place}"))
        last = f"{kind}{place}"
    return model(nodes, {"w": np.ones((4, 4, 1, 1), np.float32)}, last)


def test_a_run_of_two_layers_between_float_operations_stays_in_float():
    network = chain("Conv", "Relu", "Conv", "Conv", "Softplus", "Conv", "Conv", "Softplus", "Conv", "Relu", "Conv", "Conv", "Sigmoid")
    assert quantisable(network) == ["Conv0", "Relu1", "Conv2", "Conv3", "Conv8", "Relu9", "Conv10", "Conv11"]


def test_a_network_of_two_layers_is_quantised_all_the_same():
    assert quantisable(chain("Conv", "Relu", "Conv", "Sigmoid")) == ["Conv0", "Relu1", "Conv2"]


def test_the_activation_behind_a_layer_in_float_stays_in_float():
    network = chain("Conv", "Relu", "Conv", "Relu", "Conv", "Conv", "Conv")
    assert quantisable(network, ["Conv0"]) == ["Conv2", "Relu3", "Conv4", "Conv5", "Conv6"]


def test_what_each_place_of_a_kernel_sees_is_averaged_with_the_borders():
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=(2, 3, 7, 6)), rng.normal(size=(5, 3, 3, 2))
    node = helper.make_node("Conv", ["x", "w"], ["y"], kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 0, 1])
    network = helper.make_model(
        helper.make_graph(
            [node],
            "one",
            [helper.make_tensor_value_info("x", TensorProto.DOUBLE, x.shape)],
            [helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)],
            [numpy_helper.from_array(weight, "w")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    output = ReferenceEvaluator(network).run(None, {"x": x})[0]
    assert np.allclose((weight * seen_means(x, node)).sum(axis=(1, 2, 3)), output.mean(axis=(0, 2, 3)))


def test_the_biases_take_back_what_rounding_moved(tmp_path, monkeypatch):
    """One weight is so large that the others of its channel are rounded by up to half of 1 / 127 of it, all upwards here."""
    kernel = np.full((4, 4, 3, 3), 0.42, np.float32)
    kernel[:, 0, 1, 1] = 127 * 0.3
    arrays = {f"w{n}": kernel / 20 for n in range(2)} | {f"b{n}": np.zeros(4, np.float32) for n in range(2)}
    told = {"kernel_shape": [3, 3], "pads": [1] * 4}
    nodes = [
        helper.make_node("Conv", ["x", "w0", "b0"], ["first"], name="first", **told),
        helper.make_node("Relu", ["first"], ["active"], name="active"),
        helper.make_node("Conv", ["active", "w1", "b1"], ["y"], name="second", **told),
    ]
    onnx.save(model(nodes, arrays, "y"), str(tmp_path / "model.onnx"))
    rng = np.random.default_rng(0)
    samples = [{"x": rng.uniform(0, 1, (1, 4, 8, 8)).astype(np.float32)} for _ in range(8)]

    def shift(name: str) -> float:
        runs = [onnxruntime.InferenceSession(str(tmp_path / n), providers=["CPUExecutionProvider"]) for n in (name, "model.onnx")]
        pairs = [[run.run(None, sample)[0] for run in runs] for sample in samples]
        return float(np.mean([one - other for one, other in pairs]))

    to_int8(read(tmp_path / "model.onnx"), tmp_path / "mended.onnx", samples, ())
    monkeypatch.setattr("droplearn.networks.quantising.correct_means", lambda *_: None)
    to_int8(read(tmp_path / "model.onnx"), tmp_path / "plain.onnx", samples, ())
    assert abs(shift("mended.onnx")) < 0.05 * abs(shift("plain.onnx"))


def test_examples_are_taken_from_the_whole_list():
    assert (spread(list("abcdef"), 3), spread(list("ab"), 3)) == (["a", "c", "e"], ["a", "b"])
