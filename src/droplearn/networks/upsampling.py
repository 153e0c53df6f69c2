"""Doubles 8-bit maps by copying rows. ONNX Runtime keeps 8-bit maps with the channels last, where its own `Resize` goes place by place:
that takes four times as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from droplearn.networks.graph_edit import attribute, constants, put, readers, rewrite, writer
from droplearn.networks.quantised_pixels import TO_CHANNELS_FIRST

TO_CHANNELS_LAST = [0, 2, 3, 1]


def copy_rows(quantised: Any) -> None:
    """Changes a QDQ network in place: each `Resize` to twice the size, nearest, that keeps the scale of its 8-bit values."""
    from onnx import shape_inference

    if not any(node.op_type == "Resize" for node in quantised.graph.node):
        return
    inferred = shape_inference.infer_shapes(quantised).graph.value_info
    sizes = {value.name: [axis.dim_value for axis in value.type.tensor_type.shape.dim] for value in inferred}
    made: dict[str, list[Any]] = {}
    for node in quantised.graph.node:
        size = sizes.get(node.input[0], []) if node.op_type == "Resize" else []
        if len(size) == 4 and all(size[1:]) and (ends := _in_8_bits(quantised, node)) is not None:
            made |= {node.name: [], ends[1].name: _copies(quantised, ends[0].input[0], ends[1].output[0], size)}
    rewrite(quantised, lambda node: made.get(node.name, [node]))
    rewrite(quantised, lambda node: [node] if node.op_type != "DequantizeLinear" or readers(quantised, node.output[0]) else [])


def _in_8_bits(model: Any, node: Any) -> tuple[Any, Any] | None:
    """What takes its input from 8 bits and its output back, by the same scale, if it doubles a map in rows and columns by copying."""
    known = constants(model)
    scales = known.get(node.input[2]) if len(node.input) == 3 else None
    told = [attribute(node, name) for name in ("mode", "nearest_mode", "coordinate_transformation_mode")]
    before, after = writer(model, node.input[0]), readers(model, node.output[0])
    is_doubling = scales is not None and scales.tolist() == [1, 1, 2, 2] and told == [b"nearest", b"floor", b"asymmetric"]
    if not is_doubling or before is None or [before.op_type, *(n.op_type for n in after)] != ["DequantizeLinear", "QuantizeLinear"]:
        return None
    return (before, after[0]) if before.input[1:] == after[0].input[1:] else None


def _copies(model: Any, given: str, wanted: str, size: list[int]) -> list[Any]:
    """The nodes between two 8-bit tensors. size: of the first, (N, C, H, W)."""
    from onnx import helper

    _, channels, height, width = size
    shapes = {
        "columns": [0, height, width, 1, channels],
        "rows": [0, height, 1, 2 * width * channels],
        "done": [0, 2 * height, 2 * width, channels],
    }
    put(model, {f"{wanted}.{name}": np.array(shape, np.int64) for name, shape in shapes.items()})
    nodes, last = [], given

    def node(kind: str, name: str, *inputs: str, **attributes: Any) -> None:
        nonlocal last
        nodes.append(helper.make_node(kind, [last, *inputs], [name], name=name, **attributes))
        last = name

    node("Transpose", f"{wanted}.last", perm=TO_CHANNELS_LAST)
    node("Reshape", f"{wanted}.column", f"{wanted}.columns")
    node("Concat", f"{wanted}.wide", last, axis=3)
    node("Reshape", f"{wanted}.row", f"{wanted}.rows")
    node("Concat", f"{wanted}.high", last, axis=2)
    node("Reshape", f"{wanted}.twice", f"{wanted}.done")
    node("Transpose", wanted, perm=TO_CHANNELS_FIRST)
    return nodes
