"""EfficientNet-Lite0 to Lite4 as data: channels, strides and kernels of each block. No torch, no ONNX.

Source: Tan and Le, "EfficientNet: Rethinking Model Scaling", 2019, table 1; Liu, "Higher accuracy on vision models with EfficientNet-
Lite", 2020
(no squeeze-and-excitation, ReLU6, stem and head not scaled).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

NORM_EPSILON = 1e-3
"""Source: the reference TensorFlow implementation, `batch_norm_epsilon`."""
PIXEL_MEAN, PIXEL_SCALE = 127.0, 128.0
"""The network sees (x - 127) / 128. Source: the reference implementation of EfficientNet-Lite, MEAN_RGB and STDDEV_RGB."""
STEM_CHANNELS, FEATURE_CHANNELS = 32, 1280

_STAGES = (  # repeats, kernel, stride, expansion, output channels: of B0
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_SCALING = {  # width, depth, input size in pixels
    "efficientnet_lite0": (1.0, 1.0, 224),
    "efficientnet_lite1": (1.0, 1.1, 240),
    "efficientnet_lite2": (1.1, 1.2, 260),
    "efficientnet_lite3": (1.2, 1.4, 280),
    "efficientnet_lite4": (1.4, 1.8, 300),
}
LITE_NETWORKS = tuple(_SCALING)


@dataclass(frozen=True)
class Block:
    """An inverted bottleneck: 1x1 expansion (absent when `expansion` is 1), depthwise convolution, 1x1 projection."""

    inputs: int
    outputs: int
    kernel: int
    stride: int
    expansion: int

    @property
    def hidden(self) -> int:
        """Channels of the depthwise convolution."""
        return self.inputs * self.expansion

    @property
    def is_residual(self) -> bool:
        """Whether the block's input is added to its output."""
        return self.stride == 1 and self.inputs == self.outputs


@dataclass(frozen=True)
class LiteNetwork:
    """One member of the family."""

    name: str
    input_size: int
    blocks: tuple[Block, ...]


def lite_network(name: str) -> LiteNetwork:
    """The network of that name. Raises KeyError for another name."""
    width, depth, size = _SCALING[name]
    blocks: list[Block] = []
    inputs = STEM_CHANNELS
    for stage, (repeats, kernel, stride, expansion, channels) in enumerate(_STAGES):
        is_fixed = stage in (0, len(_STAGES) - 1)
        outputs = _round_channels(channels * width)
        for repeat in range(repeats if is_fixed else math.ceil(repeats * depth)):
            blocks.append(Block(inputs, outputs, kernel, stride if repeat == 0 else 1, expansion))
            inputs = outputs
    return LiteNetwork(name, size, tuple(blocks))


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after an axis of `size` pixels, as TensorFlow's `SAME` places them (the odd one after)."""
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _round_channels(wanted: float) -> int:
    """To a multiple of 8, never losing more than a tenth."""
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded
