"""The recogniser's ONNX graph as a torch module: its float arrays become parameters, and are written back into the same graph.

Knows the operators of PP-OCRv6 small and their usual variants, no more. The statistics of batch normalisation stay frozen. A test compares
with ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

_Operator = Callable[[Sequence[Any], dict[str, Any]], Tensor]


class OnnxNetwork(nn.Module):
    """`forward` gives the tensor `output` of the graph (by default the graph's own)."""

    def __init__(self, model: Any, output: str = "") -> None:
        super().__init__()
        self._graph = model.graph
        self.output = output or self._graph.output[0].name
        self._input = self._graph.input[0].name
        frozen = {name for node in self._graph.node if node.op_type == "BatchNormalization" for name in node.input[3:5]}
        self.learnt, self._names = nn.ParameterDict(), dict[str, str]()
        self._constants: dict[str, Tensor] = {}
        for array in self._graph.initializer:
            value = torch.from_numpy(numpy_helper.to_array(array).copy())
            if value.is_floating_point() and value.numel() > 1 and array.name not in frozen:
                key = array.name.replace(".", "/")
                self._names[array.name] = key
                self.learnt[key] = nn.Parameter(value)
            else:
                self._constants[array.name] = value
        self._steps = [_step(node) for node in self._graph.node]
        unknown = sorted({kind for kind, *_ in self._steps} - OPERATORS.keys())
        if unknown:
            raise ValueError(f"unknown operators: {unknown}")

    def forward(self, lines: Tensor) -> Tensor:
        """lines: (B, 3, 48, W)."""
        values: dict[str, Any] = {"": None, self._input: lines, **self._constants}
        values |= {name: self.learnt[key] for name, key in self._names.items()}
        for kind, inputs, output, attributes in self._steps:
            values[output] = OPERATORS[kind]([values[name] for name in inputs], attributes)
            if output == self.output:
                break
        found: Tensor = values[self.output]
        return found

    def parameter(self, name: str) -> nn.Parameter:
        """By its name in the graph."""
        return self.learnt[self._names[name]]

    def arrays(self) -> dict[str, Any]:
        """What was learnt, by the names in the graph, as numpy arrays."""
        return {name: self.learnt[key].detach().cpu().numpy().copy() for name, key in self._names.items()}


def write_arrays(model: Any, arrays: dict[str, Any]) -> None:
    """Puts arrays into the graph's initialisers, in place."""
    for held in model.graph.initializer:
        if held.name in arrays:
            held.CopyFrom(numpy_helper.from_array(arrays[held.name], held.name))


def _step(node: Any) -> tuple[str, list[str], str, dict[str, Any]]:
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "Constant":
        attributes["value"] = torch.from_numpy(numpy_helper.to_array(attributes["value"]).copy())
    return node.op_type, list(node.input), node.output[0], attributes


def _pads(x: Tensor, kernel: Sequence[int], strides: Sequence[int], a: dict[str, Any]) -> tuple[int, int, int, int]:
    """top, left, bottom, right. SAME_UPPER: as much as keeps size / stride, the odd one at the end."""
    if a.get("auto_pad", b"NOTSET") != b"SAME_UPPER":
        top, left, bottom, right = a.get("pads", [0] * 4)
        return top, left, bottom, right
    sides = []
    for size, width, stride in zip(x.shape[2:], kernel, strides, strict=True):
        whole = max(0, (-(-size // stride) - 1) * stride + width - size)
        sides.append((whole // 2, whole - whole // 2))
    return sides[0][0], sides[1][0], sides[0][1], sides[1][1]


def _conv(x: Sequence[Any], a: dict[str, Any]) -> Tensor:
    bias = x[2] if len(x) > 2 else None
    strides = tuple(a.get("strides", (1, 1)))
    top, left, bottom, right = _pads(x[0], x[1].shape[2:], strides, a)
    is_even = (top, left) == (bottom, right)
    padded = x[0] if is_even else functional.pad(x[0], (left, right, top, bottom))
    return functional.conv2d(
        padded, x[1], bias, strides, (top, left) if is_even else 0, tuple(a.get("dilations", (1, 1))), a.get("group", 1)
    )


def _pool(x: Sequence[Any], a: dict[str, Any], is_max: bool) -> Tensor:
    size, strides, ceil = tuple(a["kernel_shape"]), tuple(a.get("strides", a["kernel_shape"])), bool(a.get("ceil_mode", 0))
    top, left, bottom, right = _pads(x[0], size, strides, a)
    if is_max:
        padded = functional.pad(x[0], (left, right, top, bottom), value=float("-inf"))
        return functional.max_pool2d(padded, size, strides, 0, ceil_mode=ceil)
    return functional.avg_pool2d(x[0], size, strides, (top, left), ceil_mode=ceil, count_include_pad=bool(a.get("count_include_pad", 0)))


def _axes(x: Sequence[Any], a: dict[str, Any]) -> list[int]:
    found = a.get("axes")
    return list(found) if found is not None else [int(v) for v in x[1].tolist()]


def _reshape(x: Sequence[Any], _: dict[str, Any]) -> Tensor:
    wanted = [x[0].shape[i] if int(size) == 0 else int(size) for i, size in enumerate(x[1])]
    return x[0].reshape(wanted)


def _squeeze(x: Sequence[Any], a: dict[str, Any]) -> Tensor:
    return x[0].squeeze(tuple(axis % x[0].dim() for axis in _axes(x, a)))


def _unsqueeze(x: Sequence[Any], a: dict[str, Any]) -> Tensor:
    found = x[0]
    for axis in sorted(_axes(x, a)):
        found = found.unsqueeze(axis)
    return found


def _slice(x: Sequence[Any], _: dict[str, Any]) -> Tensor:
    starts, ends = x[1].tolist(), x[2].tolist()
    axes = x[3].tolist() if len(x) > 3 and x[3] is not None else list(range(len(starts)))
    steps = x[4].tolist() if len(x) > 4 and x[4] is not None else [1] * len(starts)
    places: list[slice] = [slice(None)] * x[0].dim()
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        places[axis] = slice(start, None if end >= 2**31 - 1 else end, step)
    return x[0][tuple(places)]


def _norm(x: Sequence[Any], a: dict[str, Any]) -> Tensor:
    return functional.batch_norm(x[0], x[3], x[4], x[1], x[2], training=False, eps=a.get("epsilon", 1e-5))


OPERATORS: dict[str, _Operator] = {
    "Add": lambda x, _: x[0] + x[1],
    "Sub": lambda x, _: x[0] - x[1],
    "Mul": lambda x, _: x[0] * x[1],
    "Div": lambda x, _: x[0] / x[1] if x[0].is_floating_point() else torch.div(x[0], x[1], rounding_mode="trunc"),
    "Pow": lambda x, _: x[0] ** x[1],
    "Sqrt": lambda x, _: x[0].sqrt(),
    "Erf": lambda x, _: torch.erf(x[0]),
    "Relu": lambda x, _: x[0].relu(),
    "Sigmoid": lambda x, _: x[0].sigmoid(),
    "HardSigmoid": lambda x, a: (x[0] * a.get("alpha", 0.2) + a.get("beta", 0.5)).clamp(0, 1),
    "MatMul": lambda x, _: x[0] @ x[1],
    "Softmax": lambda x, a: x[0].softmax(a.get("axis", -1)),
    "ReduceMean": lambda x, a: x[0].mean(tuple(_axes(x, a)), keepdim=bool(a.get("keepdims", 1))),
    "GlobalAveragePool": lambda x, _: x[0].mean((2, 3), keepdim=True),
    "Transpose": lambda x, a: x[0].permute(a["perm"]),
    "Identity": lambda x, _: x[0],
    "Cast": lambda x, _: x[0],
    "Constant": lambda _, a: a["value"],
    "Shape": lambda x, _: torch.tensor(x[0].shape),
    "Concat": lambda x, a: torch.cat([part if part.dim() else part[None] for part in x], a["axis"]),
    "Conv": _conv,
    "BatchNormalization": _norm,
    "MaxPool": lambda x, a: _pool(x, a, is_max=True),
    "AveragePool": lambda x, a: _pool(x, a, is_max=False),
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Slice": _slice,
}
