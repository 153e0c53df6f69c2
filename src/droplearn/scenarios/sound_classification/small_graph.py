"""The small network as ONNX: four convolutions on a coarse spectrogram, learnt from the dataset alone. No torch, no exporter.

It sees the first `crop` samples of each window and averages over windows. A model may be the mean of it and of a head on the frozen
networks' features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from droplearn.networks.onnx_graph import IR_VERSION, OPSET
from droplearn.scenarios.learning.logistic_regression import LinearHead
from droplearn.scenarios.sound_classification.feature_graph import INPUT, OUTPUT
from droplearn.scenarios.sound_classification.front_end import FrontEnd
from droplearn.scenarios.sound_classification.windows import FFT_SAMPLES, WindowShape

BANDS, HOP_SAMPLES = 40, 512
"""16 ms. Finer spectrograms learnt slower and reached less in the same time."""
WIDTHS = (24, 48, 96, 144)
NORM_EPSILON = 1e-5
Weights = Mapping[str, NDArray[np.float32]]
"""`<n>.kernel`, `<n>.scale`, `<n>.shift` of each convolution, `head.weight` and `head.bias`; the normalisation is in scale and shift."""


@dataclass(frozen=True)
class SmallNetwork:
    """Trained weights, and how many samples of a window they look at."""

    weights: Weights
    crop: int


def spectrogram_graph(crop: int) -> Any:
    """`samples` (W, crop), one sound, to `picture` (W, 1, BANDS, T): what the small network is given."""
    front_end = FrontEnd(BANDS, HOP_SAMPLES)
    graph = helper.make_graph(
        front_end.nodes("samples", "picture"),
        "spectrogram",
        [helper.make_tensor_value_info("samples", TensorProto.FLOAT, ["window", crop])],
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["window", 1, BANDS, (crop - FFT_SAMPLES) // HOP_SAMPLES + 1])],
        front_end.initializers(),
    )
    return _model(graph)


def small_model(network: SmallNetwork, shape: WindowShape, temperature: float) -> Any:
    """`windows` (W, S) to `probabilities` (1, K)."""
    nodes, arrays = _small_nodes(network, "small.logits")
    ending, constants = _ending({"small.logits": 1 / temperature})
    labels = len(network.weights["head.bias"])
    return _classifier([*nodes, *ending], [*arrays, *constants], shape, labels)


def mean_model(features: Any, head: LinearHead, network: SmallNetwork, shape: WindowShape, scales: tuple[float, float]) -> Any:
    """softmax(scales[0] x the head's logits + scales[1] x the small network's). `features`: of feature_graph; left as it is."""
    nodes, arrays = _small_nodes(network, "small.logits")
    given = {"classifier.weight": head.weight, "classifier.bias": head.bias}
    arrays += [numpy_helper.from_array(np.ascontiguousarray(a, np.float32), name) for name, a in given.items()]
    nodes.append(helper.make_node("Gemm", [OUTPUT, "classifier.weight", "classifier.bias"], ["head.logits"], transB=1))
    ending, constants = _ending({"head.logits": scales[0], "small.logits": scales[1]})
    body = [*features.graph.node, *nodes, *ending]
    return _classifier(body, [*features.graph.initializer, *arrays, *constants], shape, len(head.bias))


def _small_nodes(network: SmallNetwork, logits: str) -> tuple[list[Any], list[Any]]:
    front_end = FrontEnd(BANDS, HOP_SAMPLES, "small/")
    node = helper.make_node
    nodes = [node("Slice", [INPUT, "small.begin", "small.end", "small.axis"], ["small.samples"])]
    nodes += front_end.nodes("small.samples", "small.0")
    constants: dict[str, NDArray[Any]] = {
        "small.begin": np.array([0], np.int64),
        "small.end": np.array([network.crop], np.int64),
        "small.axis": np.array([1], np.int64),
    }
    for n in range(len(WIDTHS)):
        kernel = network.weights[f"{n}.kernel"] * network.weights[f"{n}.scale"][:, None, None, None]
        constants |= {f"small.{n}.kernel": kernel.astype(np.float32), f"small.{n}.shift": network.weights[f"{n}.shift"]}
        nodes += [
            node("Conv", [f"small.{n}", f"small.{n}.kernel", f"small.{n}.shift"], [f"small.{n}.conv"], pads=[1, 1, 1, 1]),
            node("Relu", [f"small.{n}.conv"], [f"small.{n}.active"]),
            node("MaxPool", [f"small.{n}.active"], [f"small.{n + 1}"], kernel_shape=[2, 2], strides=[2, 2]),
        ]
    last = f"small.{len(WIDTHS)}"
    constants |= {"small.weight": network.weights["head.weight"], "small.bias": network.weights["head.bias"]}
    nodes += [
        node("ReduceMean", [last], ["small.by_time"], axes=[2], keepdims=0),
        node("ReduceMean", ["small.by_time"], ["small.mean"], axes=[2], keepdims=0),
        node("ReduceMax", ["small.by_time"], ["small.maximum"], axes=[2], keepdims=0),
        node("Concat", ["small.mean", "small.maximum"], ["small.features"], axis=1),
        node("Gemm", ["small.features", "small.weight", "small.bias"], ["small.each"], transB=1),
        node("ReduceMean", ["small.each"], [logits], axes=[0], keepdims=1),
    ]
    arrays = [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in constants.items()]
    return nodes, [*front_end.initializers(), *arrays]


def _ending(scales: Mapping[str, float]) -> tuple[list[Any], list[Any]]:
    """The weighted sum of logits, and softmax."""
    node = helper.make_node
    arrays = [numpy_helper.from_array(np.array(scale, np.float32), f"{name}.scale") for name, scale in scales.items()]
    nodes = [node("Mul", [name, f"{name}.scale"], [f"{name}.scaled"]) for name in scales]
    nodes.append(node("Sum", [f"{name}.scaled" for name in scales], ["scaled_logits"]))
    nodes.append(node("Softmax", ["scaled_logits"], ["probabilities"], axis=1))
    return nodes, arrays


def _classifier(nodes: list[Any], arrays: list[Any], shape: WindowShape, labels: int) -> Any:
    graph = helper.make_graph(
        nodes,
        "sound_classifier",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["window", shape.samples])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, labels])],
        arrays,
    )
    return _model(graph)


def _model(graph: Any) -> onnx.ModelProto:
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="droplearn")
