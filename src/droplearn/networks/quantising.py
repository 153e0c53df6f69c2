"""Makes an int8 or fp16 network of an ONNX network. Whether it is good enough is for others to measure. Needs onnx and onnxruntime.

int8: static, QDQ, weights per channel (signed), activations per tensor (unsigned): what CPUs with VNNI and TensorRT run fast. Without VNNI,
x86 adds such products in 16 bits and may saturate; the accuracy that is measured there shows it.
Source: ONNX Runtime documentation, "Quantize ONNX models", Data type selection.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

Sample = Mapping[str, NDArray[Any]]
"""Arrays by the network's input names."""

_WEIGHTED = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
_BETWEEN = {"AveragePool", "Clip", "GlobalAveragePool", "MaxPool", "Relu"}


def read(network: Path) -> Any:
    """The onnx.ModelProto; every node has a name of its own."""
    import onnx

    model = onnx.load(str(network))
    for place, node in enumerate(model.graph.node):
        node.name = node.name or f"node_{place}"
    return model


def copied(model: Any) -> Any:
    """Both tools change what they are given: one moves large weights into a file that is gone afterwards."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def quantisable(model: Any) -> list[str]:
    """Layers with weights and what lies between them; behind the last such layer outputs are computed, which 8 bits would make coarse."""
    leads_on: set[str] = set()
    constants = {array.name for array in model.graph.initializer}
    chosen = []
    for node in reversed(model.graph.node):
        is_before = any(output in leads_on for output in node.output)
        is_sum = node.op_type == "Add" and not any(name in constants for name in node.input)
        if node.op_type in _WEIGHTED or (is_before and (node.op_type in _BETWEEN or is_sum)):
            chosen.append(node.name)
        if node.op_type in _WEIGHTED or is_before:
            leads_on.update(node.input)
    return chosen[::-1]


def first_and_last(model: Any) -> list[str]:
    """The layers with weights that see the input, and those behind which there is no other."""
    weighted = [node for node in model.graph.node if node.op_type in _WEIGHTED]
    above: dict[str, bool] = {}
    below: set[str] = set()
    for node in model.graph.node:
        has_weights = node.op_type in _WEIGHTED or any(above.get(name, False) for name in node.input)
        above.update(dict.fromkeys(node.output, has_weights))
    for node in reversed(model.graph.node):
        if node.op_type in _WEIGHTED or any(name in below for name in node.output):
            below.update(node.input)
    first = [n.name for n in weighted if not any(above.get(name, False) for name in n.input)]
    last = [n.name for n in weighted if not any(name in below for name in n.output)]
    return list(dict.fromkeys(first + last))


class _Samples:
    """onnxruntime.quantization.CalibrationDataReader, by its shape."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._left: Iterator[Sample] = iter(samples)

    def get_next(self) -> Sample | None:
        return next(self._left, None)


def to_int8(model: Any, target: Path, samples: Sequence[Sample], in_float: Collection[str]) -> None:
    """Writes the quantised network. samples: whose value ranges become the scales. in_float: names of nodes to be left alone."""
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    with _quiet():
        quantize_static(
            copied(model),
            str(target),
            _Samples(samples),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=[name for name in quantisable(model) if name not in set(in_float)],
        )


def to_fp16(model: Any, target: Path) -> None:
    """Writes the network with weights and arithmetic in half precision; inputs and outputs stay as they are."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with _quiet():
        onnx.save(convert_float_to_float16(copied(model), keep_io_types=True), str(target))


@contextmanager
def _quiet() -> Iterator[None]:
    """Both tools give advice on the root logger and by warnings."""
    import warnings

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
