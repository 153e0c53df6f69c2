"""The detector in torch: what is trained of it. The blocks below the first feature map run in ONNX Runtime (detector_graph.early_graph)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from droplearn.networks.detector_plan import GROUP_NORM_EPSILON, NORM_GROUPS, STRIDES, TOWER_DEPTH, DetectorPlan
from droplearn.networks.efficientnet_lite import InvertedBottleneck

_FIRST_SCORE = 0.02
"""What every point says before it has learnt: rare, as objects are. Source: Lin et al., "Focal Loss", 2017, section 4.1."""


class Separable(nn.Module):
    """Depthwise 3x3, pointwise, group normalisation (it knows no batch: small batches, parts and processes all agree), ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.GroupNorm(NORM_GROUPS, channels, eps=GROUP_NORM_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        return functional.relu(self.norm(self.pointwise(self.depthwise(x))), inplace=True)


class Detector(nn.Module):
    """From the first feature map to each point's scores and distances."""

    def __init__(self, plan: DetectorPlan) -> None:
        super().__init__()
        width = plan.width
        self.plan = plan
        self.blocks = nn.ModuleDict({str(i): InvertedBottleneck(plan.backbone.blocks[i]) for i in plan.trained_blocks})
        self.lateral = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in plan.feature_channels)
        self.smooth = nn.ModuleList(Separable(width) for _ in STRIDES)
        self.down = nn.ModuleList(Separable(width) for _ in STRIDES[1:])
        self.class_tower = nn.Sequential(*(Separable(width) for _ in range(TOWER_DEPTH)))
        self.box_tower = nn.Sequential(*(Separable(width) for _ in range(TOWER_DEPTH)))
        self.class_out = nn.Conv2d(width, plan.label_count, 1)
        self.box_out = nn.Conv2d(width, 4, 1)
        self.level_scale = nn.Parameter(torch.ones(len(STRIDES)))
        self._initialise()

    def forward(self, first: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C3, S/8, S/8) to logits (B, P, K) and distances (B, P, 4) to left, top, right, bottom in pixels."""
        logits, distances = [], []
        for level, features in enumerate(self._pyramid(first)):
            raw = self.box_out(self.box_tower(features)) * self.level_scale[level]
            distances.append(functional.softplus(raw).mul(STRIDES[level]).flatten(2))
            logits.append(self.class_out(self.class_tower(features)).flatten(2))
        return torch.cat(logits, 2).transpose(1, 2), torch.cat(distances, 2).transpose(1, 2)

    def _pyramid(self, first: Tensor) -> list[Tensor]:
        """Top-down, then bottom-up. Source: Liu et al., "Path Aggregation Network for Instance Segmentation", 2018."""
        maps, x = [first], first
        for index in self.plan.trained_blocks:
            x = self.blocks[str(index)](x)
            if index in self.plan.feature_blocks[1:]:
                maps.append(x)
        p3, p4, p5 = (lateral(features) for lateral, features in zip(self.lateral, maps, strict=True))
        p4 = p4 + functional.interpolate(p5, scale_factor=2.0, mode="nearest")
        p3 = p3 + functional.interpolate(p4, scale_factor=2.0, mode="nearest")
        p3, p4, p5 = (smooth(features) for smooth, features in zip(self.smooth, (p3, p4, p5), strict=True))
        p4 = p4 + self.down[0](functional.max_pool2d(p3, 2))
        p5 = p5 + self.down[1](functional.max_pool2d(p4, 2))
        return [p3, p4, p5]

    def _initialise(self) -> None:
        nn.init.normal_(self.class_out.weight, std=0.01)
        nn.init.constant_(self.class_out.bias, -math.log((1 - _FIRST_SCORE) / _FIRST_SCORE))  # type: ignore[arg-type]
        nn.init.normal_(self.box_out.weight, std=0.01)
        nn.init.constant_(self.box_out.bias, 1.0)  # type: ignore[arg-type]
