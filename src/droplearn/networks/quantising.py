"""Makes an int8 or fp16 network of an ONNX network. Whether it is good enough is for others to measure. Needs onnx and onnxruntime.

int8: static, QDQ, weights per channel (signed), activations per tensor (unsigned, with a zero point): what ONNX Runtime runs fastest on
CPUs with VNNI. Without VNNI, x86 adds such products in 16 bits and may saturate; the accuracy that is measured there shows it.
Source: ONNX Runtime documentation, "Quantize ONNX models", Data type selection.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from droplearn.networks.matrix_units import has_matrix_units, use_matrix_units
from droplearn.networks.quantisation_choice import quantisable
from droplearn.networks.quantisation_means import correct_means
from droplearn.networks.quantised_pixels import pixel_scale, take_bytes
from droplearn.networks.samples import Sample, copied
from droplearn.networks.upsampling import copy_rows
from droplearn.networks.wide_stem import widen_stem


def read(network: Path) -> Any:
    """The onnx.ModelProto; every node has a name of its own."""
    import onnx

    model = onnx.load(str(network))
    for place, node in enumerate(model.graph.node):
        node.name = node.name or f"node_{place}"
    return model


class _Samples:
    """onnxruntime.quantization.CalibrationDataReader, by its shape."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._left: Iterator[Sample] = iter(samples)

    def get_next(self) -> Sample | None:
        return next(self._left, None)


def to_int8(model: Any, target: Path, samples: Sequence[Sample], in_float: Collection[str]) -> None:
    """Writes the quantised network. samples: whose value ranges become the scales. in_float: names of nodes to be left alone."""
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    pixels = pixel_scale(model)
    with _quiet():
        quantize_static(
            copied(model),
            str(target),
            _Samples(samples),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_quantize=quantisable(model, in_float),
            extra_options={"TensorQuantOverrides": pixels.override() if pixels else {}},
        )
    quantised = read(target)
    correct_means(model, quantised, samples)
    if pixels:
        take_bytes(quantised, pixels)
        widen_stem(quantised)
    copy_rows(quantised)
    if has_matrix_units():
        use_matrix_units(quantised)
    del quantised.graph.value_info[:]  # shapes that were; who loads the network infers its own
    onnx.save(quantised, str(target))


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
