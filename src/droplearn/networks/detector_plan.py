"""The detector as data: an EfficientNet-Lite, a feature pyramid of three levels, an anchor-free head. No torch, no ONNX.

Every point of a level predicts one box by its distances to the four edges, and a score per label.
Source: Lin et al., "Feature Pyramid Networks for Object Detection", 2017; Tian et al., "FCOS: Fully Convolutional One-Stage Object
Detection", 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from droplearn.networks.lite_table import Block, LiteNetwork, lite_network

STRIDES = (8, 16, 32)
TOWER_DEPTH = 2
NORM_GROUPS = 8
GROUP_NORM_EPSILON = 1e-5
SIZE_MULTIPLE = STRIDES[-1]
_WIDTHS = {"efficientnet_lite0": 64, "efficientnet_lite2": 80}


@dataclass(frozen=True)
class DetectorPlan:
    """`network`: the backbone's name. `width`: channels of pyramid and head."""

    network: str
    label_count: int

    @property
    def width(self) -> int:
        """Channels of pyramid and head."""
        return _WIDTHS[self.network]

    @property
    def backbone(self) -> LiteNetwork:
        """The backbone's table."""
        return lite_network(self.network)

    @property
    def feature_blocks(self) -> tuple[int, int, int]:
        """The last block at stride 8, at stride 16, and the last of the stage of 192 channels at stride 32."""
        at_stride = _strides(self.backbone.blocks)
        last = [max(i for i, stride in enumerate(at_stride) if stride == wanted) for wanted in STRIDES[:2]]
        return last[0], last[1], len(at_stride) - 2

    @property
    def feature_channels(self) -> tuple[int, int, int]:
        """Of the three maps that the pyramid takes."""
        c3, c4, c5 = (self.backbone.blocks[i].outputs for i in self.feature_blocks)
        return c3, c4, c5

    @property
    def trained_blocks(self) -> range:
        """The blocks above the first map. Those below keep ImageNet's weights: edges and textures need no relearning."""
        return range(self.feature_blocks[0] + 1, self.feature_blocks[2] + 1)


def points(size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Centres (P, 2) as x, y in pixels, and each point's stride (P,), level by level, row by row, for a square picture of that side."""
    centres, strides = [], []
    for stride in STRIDES:
        places = (np.arange(size // stride, dtype=np.float32) + 0.5) * stride
        y, x = np.meshgrid(places, places, indexing="ij")
        centres.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full(x.size, stride, np.float32))
    return np.concatenate(centres), np.concatenate(strides)


def _strides(blocks: tuple[Block, ...]) -> list[int]:
    """Of each block's output; the stem halves the picture before."""
    found, stride = [], 2
    for block in blocks:
        stride *= block.stride
        found.append(stride)
    return found
