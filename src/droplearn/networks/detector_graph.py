"""Writes the detector as ONNX straight from arrays, as onnx_graph.py does the backbone.

`detector_graph`: `image` uint8 (N, S, S, 3), RGB, to `boxes` float32 (N, P, 4): left, top, right, bottom in pixels of that picture, and
`scores` float32 (N, P, K). What overlaps is not sorted out: that is a few lines of numpy for whoever reads the outputs.
`early_graph`: `image` to `features` (N, C3, S/8, S/8), the part that is never trained.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from droplearn.networks.detector_plan import GROUP_NORM_EPSILON, NORM_GROUPS, STRIDES, TOWER_DEPTH, DetectorPlan, points
from droplearn.networks.onnx_graph import IR_VERSION, OPSET, GraphWriter, Weights


def early_graph(plan: DetectorPlan, weights: Weights, size: int) -> Any:
    """Stem and the blocks up to the first feature map, as an onnx.ModelProto."""
    writer = _DetectorWriter(weights, plan, size)
    side = writer.stem()
    writer.backbone(range(plan.feature_blocks[0] + 1), side)
    writer.node("Identity", [writer.last], output="features")
    shape = ["batch", plan.feature_channels[0], size // STRIDES[0], size // STRIDES[0]]
    return writer.finish([helper.make_tensor_value_info("features", TensorProto.FLOAT, shape)])


def detector_graph(plan: DetectorPlan, weights: Weights, size: int) -> Any:
    """The whole detector. weights: the backbone's under its own names, and the arrays of `networks.detector.Detector`."""
    writer = _DetectorWriter(weights, plan, size)
    side = writer.stem()
    maps = writer.backbone(range(plan.feature_blocks[2] + 1), side)
    logits, reaches = [], []
    for level, features in enumerate(writer.pyramid(maps)):
        logits.append(writer.tower(features, "class", level))
        reaches.append(writer.tower(features, "box", level, scale=weights["level_scale"][level]))
    writer.outputs(logits, reaches)
    count = len(points(size)[0])
    described = {"boxes": ["batch", count, 4], "scores": ["batch", count, plan.label_count]}
    return writer.finish([helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in described.items()])


class _DetectorWriter(GraphWriter):
    """Names of weights are those of `networks.detector.Detector`."""

    def __init__(self, weights: Weights, plan: DetectorPlan, size: int) -> None:
        super().__init__(weights)
        self.plan, self.size = plan, size

    def stem(self) -> int:
        """The first half size."""
        self.normalise()
        self.conv("stem", kernel=3, stride=2, size=self.size)
        return self.size // 2

    def backbone(self, blocks: range, side: int) -> list[str]:
        """The tensors after the feature blocks among them. side: of the input, in pixels."""
        maps = []
        for index in blocks:
            side = self.block(index, self.plan.backbone.blocks[index], side)
            if index in self.plan.feature_blocks:
                maps.append(self.last)
        return maps

    def pyramid(self, maps: list[str]) -> list[str]:
        """As Detector._pyramid."""
        self.constants["norm.one"], self.constants["norm.zero"] = np.ones(NORM_GROUPS, np.float32), np.zeros(NORM_GROUPS, np.float32)
        self.constants["norm.groups"] = np.array([0, NORM_GROUPS, -1], np.int64)
        self.constants["twice"] = np.array([1, 1, 2, 2], np.float32)
        p3, p4, p5 = (self.plain_conv(f"lateral.{i}", features) for i, features in enumerate(maps))
        p4 = self.add(p4, self.upsample(p5))
        p3 = self.add(p3, self.upsample(p4))
        p3, p4, p5 = (self.separable(f"smooth.{i}", features, i) for i, features in enumerate((p3, p4, p5)))
        p4 = self.add(p4, self.separable("down.0", self.pool(p3), 1))
        p5 = self.add(p5, self.separable("down.1", self.pool(p4), 2))
        return [p3, p4, p5]

    def tower(self, features: str, kind: str, level: int, scale: float = 1.0) -> str:
        """To (N, places of the level, K or 4), times `scale`."""
        for depth in range(TOWER_DEPTH):
            features = self.separable(f"{kind}_tower.{depth}", features, level)
        flat = self.reshape(self.plain_conv(f"{kind}_out", features, scale=scale), [0, self.plan.label_count if kind == "class" else 4, -1])
        self.node("Transpose", [flat], perm=[0, 2, 1])
        return self.last

    def outputs(self, logits: list[str], reaches: list[str]) -> None:
        """To `scores` and `boxes`."""
        self.node("Concat", logits, axis=1)
        self.node("Sigmoid", [self.last], output="scores")
        self.node("Concat", reaches, axis=1)
        centres, strides = points(self.size)
        self.constants["centres"] = np.concatenate([centres, centres], axis=1)
        self.constants["signed_strides"] = strides[:, None] * np.array([-1, -1, 1, 1], np.float32)
        self.node("Mul", [self.softplus(self.last), "signed_strides"])
        self.node("Add", [self.last, "centres"], output="boxes")

    def softplus(self, x: str) -> str:
        """log(1 + exp(x)) as max(x, 0) + log(1 + exp(-|x|)), where nothing overflows, in half precision neither. By its parts, as ONNX
        Runtime's own takes longer.
        """
        self.constants["softplus.one"] = np.float32(1.0)  # type: ignore[assignment]
        self.node("Abs", [x])
        self.node("Neg", [self.last])
        self.node("Exp", [self.last])
        self.node("Add", [self.last, "softplus.one"])
        self.node("Log", [self.last])
        rest = self.last
        self.node("Relu", [x])
        return self.add(self.last, rest)

    def separable(self, name: str, features: str, level: int) -> str:
        """Depthwise, pointwise, group normalisation, ReLU."""
        self.plain_conv(f"{name}.depthwise", features, groups=self.plan.width)
        features = self.plain_conv(f"{name}.pointwise", self.last)
        self.reshape(features, [0, NORM_GROUPS, -1], constant="norm.groups")
        self.node("InstanceNormalization", [self.last, "norm.one", "norm.zero"], epsilon=GROUP_NORM_EPSILON)
        side = self.size // STRIDES[level]
        self.reshape(self.last, [0, self.plan.width, side, side], constant=f"level_shape.{level}")
        for part, kind in (("weight", "Mul"), ("bias", "Add")):
            self.constants[f"{name}.norm.{part}"] = self.weights[f"{name}.norm.{part}"].reshape(1, -1, 1, 1).astype(np.float32)
            self.node(kind, [self.last, f"{name}.norm.{part}"])
        self.node("Relu", [self.last])
        return self.last

    def plain_conv(self, name: str, features: str, groups: int = 1, scale: float = 1.0) -> str:
        """A convolution of stride 1 without normalisation, times `scale`; a bias where there is one."""
        own = name if scale == 1 else f"{name}.{len(self.nodes)}"
        inputs = [features]
        for part in ("weight", "bias"):
            if f"{name}.{part}" in self.weights:
                self.constants[f"{own}.{part}"] = (self.weights[f"{name}.{part}"] * scale).astype(np.float32)
                inputs.append(f"{own}.{part}")
        side = self.weights[f"{name}.weight"].shape[2]
        self.node("Conv", inputs, kernel_shape=[side, side], pads=[side // 2] * 4, group=groups)
        return self.last

    def reshape(self, features: str, shape: list[int], constant: str = "") -> str:
        """0: as it is; -1: the rest."""
        name = constant or f"shape_{'_'.join(map(str, shape))}"
        self.constants[name] = np.array(shape, np.int64)
        self.node("Reshape", [features, name])
        return self.last

    def add(self, left: str, right: str) -> str:
        """Element by element."""
        self.node("Add", [left, right])
        return self.last

    def pool(self, features: str) -> str:
        """The largest of 2 x 2."""
        self.node("MaxPool", [features], kernel_shape=[2, 2], strides=[2, 2])
        return self.last

    def upsample(self, features: str) -> str:
        """Every place twice in both directions."""
        self.node("Resize", [features, "", "twice"], mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric")
        return self.last

    def finish(self, outputs: list[Any]) -> Any:
        """The model."""
        image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", self.size, self.size, 3])
        initializers = [numpy_helper.from_array(_array(value), name) for name, value in self.constants.items()]
        graph = helper.make_graph(self.nodes, f"detector_{self.plan.network}", [image], outputs, initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="droplearn")


def _array(value: Any) -> NDArray[Any]:
    return np.ascontiguousarray(value)
