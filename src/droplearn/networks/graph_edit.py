"""Small changes of an onnx.ModelProto, made in place. Every node has a name of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray


def constants(model: Any) -> dict[str, NDArray[Any]]:
    """The initialisers by name."""
    from onnx import numpy_helper

    return {array.name: numpy_helper.to_array(array) for array in model.graph.initializer}


def readers(model: Any, tensor: str) -> list[Any]:
    """The nodes that have it as an input."""
    return [node for node in model.graph.node if tensor in node.input]


def writer(model: Any, tensor: str) -> Any | None:
    """The node that has it as an output."""
    return next((node for node in model.graph.node if tensor in node.output), None)


def attribute(node: Any, name: str) -> Any:
    """Its value; None: not given."""
    from onnx import helper

    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), None)


def change(node: Any, **attributes: Any) -> None:
    """Sets attributes."""
    from onnx import helper

    kept = [a for a in node.attribute if a.name not in attributes] + [helper.make_attribute(*pair) for pair in attributes.items()]
    del node.attribute[:]
    node.attribute.extend(kept)


def put(model: Any, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Adds initialisers."""
    from onnx import numpy_helper

    model.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())


def rewrite(model: Any, replaced: Callable[[Any], Sequence[Any]]) -> None:
    """Each node becomes the nodes that are given for it; constants that nobody reads any more go."""
    nodes = [new for node in model.graph.node for new in replaced(node)]
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)
    read = {name for node in copies for name in node.input}
    kept = [array for array in model.graph.initializer if array.name in read]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
