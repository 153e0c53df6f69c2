"""Cuts the recogniser's head to the characters that a dataset needs, and adds those that it lacks."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from droplearn.scenarios.ocr.reading.recogniser import characters_of

_ASCII = [chr(code) for code in range(33, 127)]
CHARACTERS = "character"
"""Key of the network's metadata: one character a line."""


@dataclass(frozen=True)
class Head:
    """Names in the graph: the last layer's arrays, its logits, and its input."""

    weight: str
    bias: str
    logits: str


def find_head(model: Any) -> Head:
    """Walks back from the output: Softmax <- Add(bias) <- MatMul(weight)."""
    maker = {node.output[0]: node for node in model.graph.node}
    arrays = {array.name for array in model.graph.initializer}

    def back(name: str, kind: str) -> Any:
        node = maker[name]
        while node.op_type == "Identity":
            node = maker[node.input[0]]
        if node.op_type != kind:
            raise ValueError(f"expected {kind}, found {node.op_type}")
        return node

    softmax = back(model.graph.output[0].name, "Softmax")
    add = back(softmax.input[0], "Add")
    bias = next(name for name in add.input if name in arrays)
    product = back(next(name for name in add.input if name != bias), "MatMul")
    return Head(product.input[1], bias, softmax.input[0])


def needed_characters(texts: Iterable[str], known: Sequence[str]) -> list[str]:
    """Those that occur and printable ASCII; with ideographs, of which any may come, all that the network knows."""
    occurring = {c for text in texts for c in text if not c.isspace() and c.isprintable()}
    listed = [c for c in known if c and c != " "]
    if any(unicodedata.name(c, "").startswith(("CJK", "HIRAGANA", "KATAKANA", "HANGUL")) for c in occurring):
        return [*listed, *sorted(occurring - set(listed))]
    wanted = occurring | set(_ASCII)
    return [c for c in listed if c in wanted] + sorted(wanted - set(listed))


def with_characters(network: bytes, characters: Sequence[str]) -> Any:
    """The graph (onnx.ModelProto) with these outputs after the blank and before the space. A new character starts as unlikely."""
    model = onnx.load_from_string(network)
    head = find_head(model)
    known = characters_of(next(p.value for p in model.metadata_props if p.key == CHARACTERS))
    place = {c: i for i, c in reversed(list(enumerate(known)))}
    kept = [0, *(place.get(c, -1) for c in characters), len(known) - 1]
    for array in model.graph.initializer:
        if array.name in (head.weight, head.bias):
            array.CopyFrom(numpy_helper.from_array(_chosen(numpy_helper.to_array(array), kept), array.name))
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[-1].ClearField("dim_param")
        output.type.tensor_type.shape.dim[-1].dim_value = len(kept)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {CHARACTERS: "\n".join(characters)})
    return model


def _chosen(array: Any, kept: Sequence[int]) -> Any:
    """Columns (or entries) by index; -1: the mean of all, and of a bias the least."""
    new = array.mean(axis=-1) if array.ndim == 2 else array.min()
    columns = [array[..., i] if i >= 0 else new for i in kept]
    return np.ascontiguousarray(np.stack(columns, axis=-1).astype(np.float32))
