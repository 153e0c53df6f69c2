"""Replaces group normalisation by the linear function that comes nearest to it on examples: then a detector's head can go into 8 bits.

Normalisation divides by the spread of each picture's own map, which differs little from one picture to the next. The 1x1 convolution in
front takes scale and shift upon itself: fitted by least squares to what normalisation gave, from the inputs that it has once the layers
before it have been replaced, so that errors do not add up. An approximation: whether it is good enough is for others to measure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from droplearn.networks.graph_edit import attribute, constants, put, readers, rewrite
from droplearn.networks.samples import Sample, copied, values

PULL = 0.1
"""Of the inputs' power: how strongly a fit is held at scaling and shifting each output, where the examples say little."""
_NOISE = 1e-6
"""Of a mean's square: sums in float32 tell no smaller variance."""
_BEHIND = ("Reshape", "InstanceNormalization", "Reshape", "Mul", "Add")


class Unfinished(Exception):
    """There was no time to fit all layers."""


class Norm(NamedTuple):
    """`convolution`: the node in front. `nodes`: names of what normalises. `output`: the tensor that it gives."""

    convolution: Any
    nodes: tuple[str, ...]
    output: str


class Sums(NamedTuple):
    """Over all places of all examples, of x, the inputs and a one, and y, what is wanted: x xT (C + 1, C + 1) and x yT (C + 1, O)."""

    own: NDArray[np.float64]
    wanted: NDArray[np.float64]


def settle_norms(model: Any, samples: Sequence[Sample], is_over: Callable[[], bool]) -> Any | None:
    """A copy without group normalisation behind 1x1 convolutions; None where there is none. `model` is left as it is.

    Raises Unfinished when time is over (`is_over`, asked for each sample and layer): settled by halves the head stays in float32.
    """
    settled = copied(model)
    if not norms(settled):
        return None
    while found := _foremost(settled):
        sums = _sums(model, settled, found, samples, is_over)
        _replace(settled, found, sums)
    return settled


def norms(model: Any) -> list[Norm]:
    """In the graph's order."""
    known = {array.name for array in model.graph.initializer}
    return [norm for node in model.graph.node if (norm := _behind(model, node, known)) is not None]


def fitted(weight: NDArray[Any], sums: Sums) -> NDArray[np.float64]:
    """(O, C) to (O, C + 1), the last column the bias: each output scaled and shifted, and from there on as the examples say."""
    count, channels = sums.own[-1, -1], weight.shape[1]
    plain = np.hstack([weight.astype(np.float64), np.zeros((len(weight), 1))])
    mean, wanted = plain @ sums.own[:, -1] / count, sums.wanted[-1] / count
    variance = np.einsum("oc,cd,od->o", plain, sums.own, plain) / count - mean**2
    scale = (np.einsum("oc,co->o", plain, sums.wanted) / count - mean * wanted) / np.maximum(variance, _NOISE * mean**2 + 1e-12)
    plain *= scale[:, None]
    plain[:, -1] = wanted - scale * mean
    pull = np.full(channels + 1, PULL * max(np.trace(sums.own[:-1, :-1]) / channels, 1e-9))
    pull[-1] = 0.0
    moved: NDArray[np.float64] = plain + np.linalg.solve(sums.own + np.diag(pull), sums.wanted - sums.own @ plain.T).T
    return moved


def _behind(model: Any, node: Any, known: set[str]) -> Norm | None:
    """Its normalisation, if it is a 1x1 convolution that has one."""
    if node.op_type != "Conv" or (attribute(node, "kernel_shape"), attribute(node, "group") or 1) != ([1, 1], 1):
        return None
    path = [node]
    for kind in _BEHIND:
        after = readers(model, path[-1].output[0])
        if [n.op_type for n in after] != [kind] or not known.issuperset(after[0].input[1:]):
            return None
        path += after
    return Norm(node, tuple(n.name for n in path[1:]), path[-1].output[0])


def _foremost(model: Any) -> list[Norm]:
    """Those that no other comes before."""
    found = norms(model)
    behind = {norm.output for norm in found}
    for node in model.graph.node:
        if behind.intersection(node.input):
            behind.update(node.output)
    return [norm for norm in found if norm.convolution.input[0] not in behind]


def _sums(model: Any, settled: Any, found: Sequence[Norm], samples: Sequence[Sample], is_over: Callable[[], bool]) -> list[Sums]:
    """What the settled network gives to each convolution, beside what the model's normalisation gave behind it."""
    totals: list[Sums] = []
    given = values(settled, [norm.convolution.input[0] for norm in found], samples)
    wanted = values(model, [norm.output for norm in found], samples)
    for one, other in zip(given, wanted, strict=True):
        if is_over():
            raise Unfinished
        new = [sums_of(one[norm.convolution.input[0]], other[norm.output]) for norm in found]
        totals = [Sums(a.own + b.own, a.wanted + b.wanted) for a, b in zip(totals, new, strict=True)] if totals else new
    return totals


def sums_of(x: NDArray[Any], y: NDArray[Any]) -> Sums:
    """Of maps (N, C, H, W) and (N, O, H, W)."""
    inputs, outputs = (array.transpose(1, 0, 2, 3).reshape(array.shape[1], -1) for array in (x, y))
    inputs = np.vstack([inputs, np.ones((1, inputs.shape[1]), inputs.dtype)])
    return Sums((inputs @ inputs.T).astype(np.float64), (inputs @ outputs.T).astype(np.float64))


def _replace(model: Any, found: Sequence[Norm], sums: Sequence[Sums]) -> None:
    known = constants(model)
    for norm, seen in zip(found, sums, strict=True):
        node = norm.convolution
        made = fitted(known[node.input[1]][:, :, 0, 0], seen).astype(np.float32)
        names = [f"{node.name}.settled.{part}" for part in ("weight", "bias")]
        put(model, dict(zip(names, (made[:, :-1, None, None], made[:, -1]), strict=True)))
        node.input[1:] = names
        node.output[0] = norm.output
    gone = {name for norm in found for name in norm.nodes}
    rewrite(model, lambda node: [] if node.name in gone else [node])
