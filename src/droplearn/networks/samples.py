"""What a network is looked at with: its inputs for some examples, and its inner values for them. Needs onnx and onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from numpy.typing import NDArray

Sample = Mapping[str, NDArray[Any]]
"""Arrays by the network's input names."""
T = TypeVar("T")


def copied(model: Any) -> Any:
    """The tools change what they are given: one moves large weights into a file that is gone afterwards."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def spread(items: Sequence[T], count: int) -> list[T]:
    """At most so many, evenly over the whole: examples are often sorted by label."""
    return [items[place * len(items) // count] for place in range(count)] if len(items) > count else list(items)


def values(model: Any, tensors: Sequence[str], samples: Sequence[Sample]) -> Iterator[dict[str, NDArray[Any]]]:
    """For each sample the tensors by name, those that are inputs of the network as well."""
    import onnx
    import onnxruntime

    shown = copied(model)
    outputs = {name for node in model.graph.node for name in node.output}
    names = sorted(outputs & set(tensors))
    del shown.graph.output[:]
    shown.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(shown.SerializeToString(), options, providers=["CPUExecutionProvider"])
    for sample in samples:
        yield {**sample, **dict(zip(names, session.run(names, dict(sample)) if names else [], strict=True))}
