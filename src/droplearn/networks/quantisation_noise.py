"""Which tensors 8 bits hurt most: measured on the network's own values, one tensor at a time, so that no error hides behind another's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from droplearn.networks.quantisation_choice import quantisable
from droplearn.networks.quantising import read
from droplearn.networks.samples import Sample, values

Scale = tuple[NDArray[np.float32], NDArray[Any]]


def nodes_by_harm(model: Any, quantised: Path, samples: Sequence[Sample]) -> list[str]:
    """Names of the quantisable nodes, those first that touch the tensor with the most noise in its signal."""
    noise = _noise(model, _scales(quantised), samples)
    worst: dict[str, float] = {}
    chosen = set(quantisable(model))
    for node in model.graph.node:
        if node.name in chosen:
            worst[node.name] = max((noise.get(name, 0.0) for name in (*node.input, *node.output)), default=0.0)
    return sorted(worst, key=lambda name: -worst[name])


def _scales(quantised: Path) -> dict[str, Scale]:
    """Scale and zero point of every quantised activation, by the tensor's name."""
    from onnx import numpy_helper

    model = read(quantised)
    arrays = {array.name: array for array in model.graph.initializer}
    found: dict[str, Scale] = {}
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            scale, zero = (numpy_helper.to_array(arrays[name]) for name in node.input[1:3])
            found[node.input[0]] = (scale, zero)
    return found


def _noise(model: Any, scales: dict[str, Scale], samples: Sequence[Sample]) -> dict[str, float]:
    """Power of the rounding error as a part of the tensor's own power."""
    outputs = {name for node in model.graph.node for name in node.output}
    names = [name for name in scales if name in outputs]
    error, power = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    for found in values(model, names, samples):
        for name in names:
            value = found[name]
            scale, zero = scales[name]
            limits = np.iinfo(zero.dtype)
            rounded = np.clip(np.rint(value / scale) + zero.astype(np.float32), limits.min, limits.max)
            error[name] += float(np.square(value - (rounded - zero.astype(np.float32)) * scale).mean())
            power[name] += float(np.square(value).mean())
    return {name: error[name] / power[name] if power[name] > 0 else 0.0 for name in names}
