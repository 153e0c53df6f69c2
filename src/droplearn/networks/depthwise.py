"""Depthwise 5x5 convolution on a CPU, with a backward pass of forward convolutions.

oneDNN's own backward pass of a large depthwise kernel takes some twenty times its forward pass. Both gradients are depthwise convolutions
themselves: that of the input is one with the kernel turned round; that of the kernel is one of each channel of each picture with its own
gradient as the kernel. Measured on one core, maps of four pictures: 4.8 ms instead of 12.8 (1152 channels, 10 x 10), 11.4 instead of
19.8 (672, 20 x 20); for 3x3 kernels it does not pay.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

KERNEL = 5
_PADDING = KERNEL // 2


def is_suited(x: Tensor, weight: Tensor, stride: int, padding: tuple[int, int], groups: int) -> bool:
    """Whether `depthwise` computes this convolution, and faster."""
    is_depthwise = groups == weight.shape[0] == x.shape[1] and weight.shape[2:] == (KERNEL, KERNEL)
    is_on_cpu = x.device.type == "cpu" and x.dtype == torch.float32
    return is_depthwise and is_on_cpu and stride == 1 and padding == (_PADDING, _PADDING) and torch.is_grad_enabled()


def depthwise(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(B, C, H, W), (C, 1, 5, 5), (C,) to (B, C, H, W): stride 1, padded by 2."""
    result: Tensor = _Depthwise.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return result


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        return functional.conv2d(x, weight, bias, 1, _PADDING, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        x, weight = ctx.saved_tensors
        (gradient,) = gradients
        batch, channels, height, width = x.shape
        of_input = functional.conv2d(gradient, weight.flip(2, 3), None, 1, _PADDING, 1, channels)
        padded = functional.pad(x, (_PADDING,) * 4).contiguous().view(1, batch * channels, height + 2 * _PADDING, width + 2 * _PADDING)
        kernels = gradient.contiguous().view(batch * channels, 1, height, width)
        of_weight = functional.conv2d(padded, kernels, None, 1, 0, 1, batch * channels).view(batch, *weight.shape).sum(0)
        return of_input, of_weight, gradient.sum((0, 2, 3)) if ctx.has_bias else None
