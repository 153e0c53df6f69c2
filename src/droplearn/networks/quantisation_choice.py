"""Which nodes of a network go into 8 bits. Reading only; nodes are told by their names."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

WEIGHTED = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
_BETWEEN = {"Add", "AveragePool", "Clip", "GlobalAveragePool", "MaxPool", "Relu", "Resize"}
_SAME_NUMBERS = {"Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
SMALLEST_RUN = 3
"""Layers with weights. To change over to 8 bits and back costs about what two small layers gain: measured on the detector's head, where
group normalisation, in float32, lies between every two."""


def quantisable(model: Any, in_float: Collection[str] = ()) -> list[str]:
    """Layers with weights, and what lies between them and is computed from 8 bits. What follows the last such layer, and runs shorter than
    SMALLEST_RUN unless there is no longer one, stay as they are, and so does what is named in `in_float`.
    """
    chosen = _without_lone(model, {name for name in _before_the_last(model) if name not in set(in_float)})
    runs = _runs(model, chosen)
    weights = {node.name for node in model.graph.node if node.op_type in WEIGHTED}
    shortest = min(SMALLEST_RUN, max((len(run & weights) for run in runs), default=0))
    kept = set().union(*(run for run in runs if len(run & weights) >= shortest))
    return [node.name for node in model.graph.node if node.name in kept]


def first_and_last(model: Any) -> list[str]:
    """The layers with weights that see the input, and those behind which there is no other."""
    weighted = [node for node in model.graph.node if node.op_type in WEIGHTED]
    above: dict[str, bool] = {}
    for node in model.graph.node:
        has_weights = node.op_type in WEIGHTED or any(above.get(name, False) for name in node.input)
        above.update(dict.fromkeys(node.output, has_weights))
    first = [n.name for n in weighted if not any(above.get(name, False) for name in n.input)]
    return list(dict.fromkeys(first + last_layers(model)))


def last_layers(model: Any) -> list[str]:
    """The layers with weights behind which there is no other."""
    below: set[str] = set()
    for node in reversed(model.graph.node):
        if node.op_type in WEIGHTED or any(name in below for name in node.output):
            below.update(node.input)
    return [n.name for n in model.graph.node if n.op_type in WEIGHTED and not any(name in below for name in n.output)]


def _before_the_last(model: Any) -> list[str]:
    """Behind the last layer with weights outputs are computed, which 8 bits would make coarse."""
    leads_on: set[str] = set()
    constants = {array.name for array in model.graph.initializer}
    chosen = []
    for node in reversed(model.graph.node):
        is_before = any(output in leads_on for output in node.output)
        is_between = node.op_type in _BETWEEN and not (node.op_type == "Add" and any(name in constants for name in node.input))
        if node.op_type in WEIGHTED or (is_before and is_between):
            chosen.append(node.name)
        if node.op_type in WEIGHTED or is_before:
            leads_on.update(node.input)
    return chosen


def _without_lone(model: Any, chosen: set[str]) -> set[str]:
    """An activation, a pool or a sum stays in float32 where one of its inputs is: quantised before its activation, a layer's values would
    share the 256 steps with all that the activation cuts off.
    """
    constants = {array.name for array in model.graph.initializer}
    in_8_bits: set[str] = set()
    kept = set()
    for node in model.graph.node:
        if node.op_type in _SAME_NUMBERS and node.input[0] in in_8_bits:
            in_8_bits.update(node.output)
        if node.name in chosen and (node.op_type in WEIGHTED or in_8_bits.issuperset(n for n in node.input if n and n not in constants)):
            kept.add(node.name)
            in_8_bits.update(node.output)
    return kept


def _runs(model: Any, chosen: set[str]) -> list[set[str]]:
    """Chosen nodes that are joined by tensors, whichever way they point."""
    run_of: dict[str, set[str]] = {}
    writers: dict[str, str] = {}
    for node in model.graph.node:
        if node.name in chosen:
            joined = {node.name}.union(*(run_of[writers[name]] for name in node.input if name in writers))
            run_of.update(dict.fromkeys(joined, joined))
            writers.update(dict.fromkeys(node.output, node.name))
        elif node.op_type in _SAME_NUMBERS and node.input[0] in writers:
            writers.update(dict.fromkeys(node.output, writers[node.input[0]]))
    return list({id(run): run for run in run_of.values()}.values())
