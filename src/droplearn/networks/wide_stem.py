"""Lets the first convolution of a quantised network see four pixels of a row as one pixel of twelve channels.

8-bit instructions add four channels at once, and ONNX Runtime has no fast kernel for three: such a layer takes longer than in float32.
Four pixels of a row are neighbours in memory, so nothing is moved: a convolution of 3 x 3 with stride 2 becomes one of 3 x 2 with stride
(2, 1) and twice the outputs, those of two places of the row. The sums are the same to the last bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from droplearn.networks.graph_edit import attribute, change, constants, put, readers, rewrite, writer
from droplearn.networks.quantised_pixels import TO_CHANNELS_FIRST

TOGETHER = 4


def widen_stem(quantised: Any) -> None:
    """Changes a QDQ network in place, behind `take_bytes`; leaves it as it is where it does not begin like that."""
    turned = next((n for n in quantised.graph.node if n.op_type == "Transpose" and n.input[0] == quantised.graph.input[0].name), None)
    if turned is None:
        return
    path = [turned]
    for kind in ("DequantizeLinear", "Conv", "QuantizeLinear"):
        after = readers(quantised, path[-1].output[0])
        if [node.op_type for node in after] != [kind]:
            return
        path += after
    size = [axis.dim_value for axis in quantised.graph.input[0].type.tensor_type.shape.dim][1:]
    if _fits(path[2], size) and len(path[2].input) == 3:
        _widen(quantised, turned, path[2], path[3], size)


def widened(weight: NDArray[Any]) -> NDArray[Any]:
    """(O, C, 3, 3) to (2 x O, 4 x C, 3, 2): the second half of the outputs begins two pixels further right."""
    outputs, channels, rows, columns = weight.shape
    wide = np.zeros((2, outputs, 2, TOGETHER, channels, rows), weight.dtype)
    for place in range(2):
        for column in range(columns):
            block, inner = divmod(2 * place + column, TOGETHER)
            wide[place, :, block, inner] = weight[..., column]
    return wide.transpose(0, 1, 3, 4, 5, 2).reshape(2 * outputs, TOGETHER * channels, rows, 2)


def _fits(convolution: Any, size: list[int]) -> bool:
    """3 x 3, stride 2, one group; padded by one on the right, as even sizes are."""
    told = {name: attribute(convolution, name) for name in ("kernel_shape", "strides", "pads", "group", "dilations")}
    pads = told["pads"] or [0] * 4
    return (
        (told["kernel_shape"], told["strides"]) == ([3, 3], [2, 2])
        and (told["group"] or 1, told["dilations"] or [1, 1]) == (1, [1, 1])
        and (pads[1], pads[3]) == (0, 1)
        and len(size) == 3
        and size[0] % 2 == 0
        and size[1] > 0
        and size[1] % TOGETHER == 0
    )


def _widen(model: Any, turned: Any, convolution: Any, end: Any, size: list[int]) -> None:
    from onnx import helper

    known = constants(model)
    weight, bias = (writer(model, name) for name in convolution.input[1:3])
    if weight is None or bias is None or not {*weight.input, *bias.input} <= set(known):
        return
    (height, width, channels), outputs = size, len(known[weight.input[0]])
    arrays = {name: np.concatenate([known[name]] * 2) for name in (*weight.input[1:], *bias.input)}
    arrays[weight.input[0]] = widened(known[weight.input[0]])
    put(model, {f"{name}.wide": array for name, array in arrays.items()})
    for node in (weight, bias):
        node.input[:] = [f"{name}.wide" for name in node.input]
    change(convolution, kernel_shape=[3, 2], strides=[2, 1])
    shapes = {"four": [0, height, width // TOGETHER, TOGETHER * channels], "one": [0, -1, width // 2, outputs]}
    put(model, {f"picture.{name}": np.array(shape, np.int64) for name, shape in shapes.items()})
    image, done = turned.input[0], end.output[0]
    turned.input[0], end.output[0] = "picture.of_four", "stem.of_two"
    before = helper.make_node("Reshape", [image, "picture.four"], ["picture.of_four"], name="picture.of_four")
    behind = [
        helper.make_node("Transpose", ["stem.of_two"], ["stem.last"], name="stem.last", perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["stem.last", "picture.one"], ["stem.apart"], name="stem.apart"),
        helper.make_node("Transpose", ["stem.apart"], [done], name="stem.first", perm=TO_CHANNELS_FIRST),
    ]
    rewrite(
        model,
        lambda node: [before, node] if node.name == turned.name else [node, *behind] if node.name == end.name else [node],
    )
