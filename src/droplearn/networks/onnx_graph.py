"""Writes EfficientNet-Lite as ONNX straight from arrays: no tracing, no torch, milliseconds instead of an exporter's seconds.

Input `image`: uint8 (N, H, W, 3), RGB. Output: `features` float32 (N, 1280), or after `add_classifier` `probabilities` float32 (N, labels).
Batch normalisation is folded into the convolutions; paddings are explicit, so the picture's size is fixed when the graph is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from droplearn.networks.lite_table import FEATURE_CHANNELS, NORM_EPSILON, PIXEL_MEAN, PIXEL_SCALE, Block, LiteNetwork, same_padding

OPSET, IR_VERSION = 17, 8
"""What onnxruntime-web 1.2x and Triton's ONNX Runtime of 2023 already read."""
Weights = Mapping[str, NDArray[np.float32]]


def features_graph(network: LiteNetwork, weights: Weights, size: int, source: str = "") -> Any:
    """The backbone as an onnx.ModelProto. `source` is kept in its metadata."""
    writer = GraphWriter(weights)
    writer.normalise()
    writer.conv("stem", kernel=3, stride=2, size=size)
    size = -(-size // 2)
    for index, block in enumerate(network.blocks):
        size = writer.block(index, block, size)
    writer.conv("head")
    writer.node("GlobalAveragePool", [writer.last])
    writer.node("Flatten", [writer.last], output="features", axis=1)
    return writer.model(network, source)


def add_classifier(features: Any, weight: NDArray[np.float32], bias: NDArray[np.float32], temperature: float) -> Any:
    """The whole model: softmax((features x weight.T + bias) / temperature). weight: (labels, 1280). `features` is left as it is."""
    model = onnx.ModelProto()
    model.CopyFrom(features)
    graph = model.graph
    arrays = {"classifier.weight": weight, "classifier.bias": bias, "classifier.temperature": np.float32(temperature)}
    graph.initializer.extend(numpy_helper.from_array(np.ascontiguousarray(a, np.float32), name) for name, a in arrays.items())
    graph.node.extend(
        [
            helper.make_node("Gemm", ["features", "classifier.weight", "classifier.bias"], ["logits"], name="classifier", transB=1),
            helper.make_node("Div", ["logits", "classifier.temperature"], ["scaled_logits"], name="temperature"),
            helper.make_node("Softmax", ["scaled_logits"], ["probabilities"], name="softmax", axis=1),
        ]
    )
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", len(bias)]))
    return model


class GraphWriter:
    """Appends nodes; `last` is the newest tensor."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: dict[str, NDArray[Any]] = {"relu6.low": np.float32(0.0), "relu6.high": np.float32(6.0)}  # type: ignore[dict-item]
        self.last = "image"
        self.image_size = 0

    def node(self, kind: str, inputs: list[str], output: str = "", **attributes: Any) -> None:
        """One node with one output, named by its place unless told otherwise."""
        name = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        self.last = name

    def normalise(self) -> None:
        """uint8 NHWC to float32 NCHW, (x - 127) / 128."""
        self.constants |= {"pixel.mean": np.float32(PIXEL_MEAN), "pixel.scale": np.float32(1 / PIXEL_SCALE)}  # type: ignore[dict-item]
        self.node("Cast", [self.last], to=TensorProto.FLOAT)
        self.node("Sub", [self.last, "pixel.mean"])
        self.node("Mul", [self.last, "pixel.scale"])
        self.node("Transpose", [self.last], perm=[0, 3, 1, 2])

    def conv(self, name: str, kernel: int = 1, stride: int = 1, size: int = 1, groups: int = 1, is_active: bool = True) -> None:
        """Convolution with the folded normalisation of `name`, then ReLU6. `size` is its input's side in pixels."""
        if name == "stem":
            self.image_size = size
        self.constants[f"{name}.weight"], self.constants[f"{name}.bias"] = fold(self.weights, name)
        before, after = same_padding(size, kernel, stride) if kernel > 1 else (0, 0)
        self.node(
            "Conv",
            [self.last, f"{name}.weight", f"{name}.bias"],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=groups,
        )
        if is_active:
            self.node("Clip", [self.last, "relu6.low", "relu6.high"])

    def block(self, index: int, block: Block, size: int) -> int:
        """An inverted bottleneck on a map of that side; the side of what comes out."""
        before = self.last
        if block.expansion != 1:
            self.conv(f"blocks.{index}.expand")
        self.conv(f"blocks.{index}.depthwise", block.kernel, block.stride, size, groups=block.hidden)
        self.conv(f"blocks.{index}.project", is_active=False)
        if block.is_residual:
            self.node("Add", [before, self.last])
        return -(-size // block.stride)

    def model(self, network: LiteNetwork, source: str) -> Any:
        """Graph, opset and metadata."""
        side = self.image_size
        graph = helper.make_graph(
            self.nodes,
            network.name,
            [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", side, side, 3])],
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", FEATURE_CHANNELS])],
            [numpy_helper.from_array(np.asarray(array), name) for name, array in self.constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="droplearn")
        helper.set_model_props(model, {"network": network.name, "source": source})
        return model


def fold(weights: Weights, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Kernel and bias of a convolution with its batch normalisation in them, computed in float64."""
    kernel, norm = weights[f"{name}.conv.weight"].astype(np.float64), f"{name}.norm"
    scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"].astype(np.float64) + NORM_EPSILON)
    bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    return (kernel * scale[:, None, None, None]).astype(np.float32), bias.astype(np.float32)
