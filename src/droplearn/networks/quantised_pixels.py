"""A quantised network whose picture goes in as it is: its bytes are the first layer's 8-bit values; nothing is converted or rounded.

`pixel_scale` finds (x - mean) * factor in front of the first layer: as a scale and a zero point it is exact. `take_bytes` removes that
arithmetic once the network is quantised by them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from droplearn.networks.graph_edit import attribute, constants, readers, rewrite

TO_CHANNELS_FIRST = [0, 3, 1, 2]
_CHAIN = ["Cast", "Sub", "Mul", "Transpose"]


class PixelScale(NamedTuple):
    """`tensor`: the normalised picture (N, C, H, W), that the nodes of those names compute from the uint8 input `image` (N, H, W, C)."""

    tensor: str
    image: str
    nodes: tuple[str, ...]
    scale: np.float32
    zero_point: np.uint8

    def override(self) -> dict[str, list[dict[str, Any]]]:
        """For onnxruntime.quantization, `TensorQuantOverrides`."""
        return {self.tensor: [{"scale": np.array(self.scale), "zero_point": np.array(self.zero_point)}]}


def pixel_scale(model: Any) -> PixelScale | None:
    """None where the network does not begin like that."""
    from onnx import TensorProto

    bytes_in = {i.name for i in model.graph.input if i.type.tensor_type.elem_type == TensorProto.UINT8}
    chain = [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in bytes_in][:1]
    while chain and len(chain) < len(_CHAIN) and len(after := readers(model, chain[-1].output[0])) == 1:
        chain += after
    if [node.op_type for node in chain] != _CHAIN or attribute(chain[-1], "perm") != TO_CHANNELS_FIRST:
        return None
    known = constants(model)
    mean, factor = (known.get(node.input[1]) for node in chain[1:3])
    if mean is None or factor is None or mean.size != 1 or factor.size != 1 or mean.item() not in range(256) or factor.item() <= 0:
        return None
    names = tuple(node.name for node in chain)
    return PixelScale(chain[-1].output[0], chain[0].input[0], names, np.float32(factor.item()), np.uint8(mean.item()))


def take_bytes(quantised: Any, found: PixelScale) -> None:
    """Changes a QDQ network in place; one that also reads the picture in float32 stays as it is."""
    from onnx import helper

    after = readers(quantised, found.tensor)
    if [node.op_type for node in after] != ["QuantizeLinear"]:
        return
    turned = helper.make_node("Transpose", [found.image], [after[0].output[0]], name=after[0].name, perm=TO_CHANNELS_FIRST)
    rewrite(quantised, lambda node: [turned] if node.name == after[0].name else [] if node.name in found.nodes else [node])
