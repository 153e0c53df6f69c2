"""Mends what 8 bits do to the mean of each channel: the biases take it back. Costs nothing when the network runs.

A kernel's rounding errors do not cancel out where its inputs are all of one sign, as behind ReLU: they move a channel's mean. The bias
of each convolution is moved by (W - Wq) E[x], with the mean E[x] that each place of the kernel sees in float32; then the bias of the last
layers by what is left of the difference of their own means.
Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section 4.2 (the empirical mean).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from droplearn.networks.graph_edit import attribute, constants, readers, writer
from droplearn.networks.quantisation_choice import last_layers
from droplearn.networks.samples import Sample, spread, values

MEAN_SAMPLES = 32
Means = dict[str, NDArray[np.float64]]


def correct_means(model: Any, quantised: Any, samples: Sequence[Sample]) -> None:
    """Changes the biases of `quantised`, the QDQ network made of `model`."""
    chosen = spread(samples, MEAN_SAMPLES)
    known, own = constants(quantised), constants(model)
    layers = {node.name: node for node in model.graph.node}
    convolutions = [n for n in quantised.graph.node if n.op_type == "Conv" and _weight(quantised, known, n) is not None]
    seen = _input_means(model, [layers[n.name] for n in convolutions], chosen)
    for node in convolutions:
        error = own[layers[node.name].input[1]] - _weight(quantised, known, node)
        _move_bias(quantised, node, (error * seen[node.name]).sum(axis=(1, 2, 3)))
    last = [name for name in last_layers(model) if layers[name].op_type in ("Conv", "Gemm")]
    wanted, given = (_output_means(network, last, chosen) for network in (model, quantised))
    for node in quantised.graph.node:
        if node.name in last:
            _move_bias(quantised, node, wanted[node.name] - given[node.name])


def _weight(model: Any, known: dict[str, NDArray[Any]], node: Any) -> NDArray[np.float64] | None:
    """(O, C, kh, kw), as the arithmetic has it; None: in float32, or not over an area."""
    source = writer(model, node.input[1])
    if source is None or source.op_type != "DequantizeLinear" or source.input[0] not in known or known[source.input[0]].ndim != 4:
        return None
    scale = known[source.input[1]].astype(np.float64)
    return known[source.input[0]].astype(np.float64) * scale.reshape(-1, 1, 1, 1)


def _move_bias(model: Any, node: Any, change: NDArray[np.float64]) -> None:
    """A layer without a bias, or with one that others have too, stays as it is."""
    from onnx import numpy_helper

    source = writer(model, node.input[2]) if len(node.input) > 2 else None
    name = source.input[0] if source is not None else node.input[2] if len(node.input) > 2 else ""
    array = next((a for a in model.graph.initializer if a.name == name), None)
    if array is None or len(readers(model, name)) > 1 or len(readers(model, node.input[2])) > 1:
        return
    bias = numpy_helper.to_array(array)
    if source is None:
        moved = (bias + change).astype(bias.dtype)
    else:
        limits = np.iinfo(bias.dtype)
        moved = np.clip(bias + np.rint(change / constants(model)[source.input[1]]), limits.min, limits.max).astype(bias.dtype)
    array.CopyFrom(numpy_helper.from_array(moved, name))


def _input_means(model: Any, convolutions: Sequence[Any], samples: Sequence[Sample]) -> Means:
    """By name: (1, C, kh, kw), or (C, 1, kh, kw) of a depthwise one: as its weight is multiplied."""
    means: Means = {}
    for found in values(model, [n.input[0] for n in convolutions], samples):
        for node in convolutions:
            means[node.name] = means.get(node.name, 0.0) + seen_means(found[node.input[0]], node) / len(samples)
    for node in convolutions:
        groups, channels = attribute(node, "group") or 1, means[node.name].shape[0]
        kernels = constants(model)[node.input[1]].shape
        means[node.name] = np.repeat(means[node.name].reshape(groups, channels // groups, *kernels[2:]), kernels[0] // groups, axis=0)
    return means


def seen_means(x: NDArray[Any], node: Any) -> NDArray[np.float64]:
    """(N, C, H, W) to (C, kh, kw): the mean of what each place of the kernel is multiplied with, borders and all."""
    (rows, columns), (down, right) = attribute(node, "kernel_shape"), attribute(node, "strides") or [1, 1]
    top, left, bottom, end = attribute(node, "pads") or [0] * 4
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, end)))
    height, width = (x.shape[2] - rows) // down * down + 1, (x.shape[3] - columns) // right * right + 1
    means = np.empty((x.shape[1], rows, columns))
    for row in range(rows):
        for column in range(columns):
            means[:, row, column] = x[:, :, row : row + height : down, column : column + width : right].mean(axis=(0, 2, 3))
    return means


def _output_means(model: Any, layers: Sequence[str], samples: Sequence[Sample]) -> Means:
    """Of each channel."""
    nodes = [n for n in model.graph.node if n.name in set(layers)]
    means: Means = {}
    for found in values(model, [n.output[0] for n in nodes], samples):
        for node in nodes:
            value = found[node.output[0]]
            channels = value.mean(axis=tuple(axis for axis in range(value.ndim) if axis != 1), dtype=np.float64)
            means[node.name] = means.get(node.name, 0.0) + channels / len(samples)
    return means
