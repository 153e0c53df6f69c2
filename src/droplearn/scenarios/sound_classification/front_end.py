"""The log-mel front end as constants and ONNX nodes: it is part of every model, so trainer, server and browser compute the same.

(W, S) samples -> (W, 1, M, T) pictures of sound: M mel bands, high ones on top, T frames; mean 0 and deviation 1 over the whole sound, so
that neither the gain nor the distance of a microphone matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from droplearn.scenarios.sound_classification.audio import SAMPLE_RATE
from droplearn.scenarios.sound_classification.windows import FFT_SAMPLES, HOP_SAMPLES

_LOWEST_HZ = 50.0
_FLOOR = 1e-6
"""Added before the logarithm: a full-scale sine has a power of about 1e5 here, so this is its noise floor at -110 dB."""
_SMALLEST_DEVIATION = 1e-5


def mel_filters(bands: int) -> NDArray[np.float32]:
    """(bins, bands): triangles of height 1, evenly spaced on the mel scale from 50 Hz to half the rate; high bands first.

    Source: O'Shaughnessy, "Speech Communication", 1987, page 150 (mel = 2595 log10(1 + f / 700)).
    """
    edges_mel = np.linspace(_mel(_LOWEST_HZ), _mel(SAMPLE_RATE / 2), bands + 2)
    edges = 700 * (10 ** (edges_mel / 2595) - 1)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    bins = np.fft.rfftfreq(FFT_SAMPLES, 1 / SAMPLE_RATE)[:, None]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return np.maximum(0, np.minimum(rising, falling))[:, ::-1].astype(np.float32)


def hann() -> NDArray[np.float32]:
    """(FFT_SAMPLES,), periodic."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT_SAMPLES) / FFT_SAMPLES)).astype(np.float32)


@dataclass(frozen=True)
class FrontEnd:
    """`hop_samples` between two spectra. `prefix` keeps the names of two front ends in one graph apart."""

    bands: int
    hop_samples: int = HOP_SAMPLES
    prefix: str = ""

    def initializers(self) -> list[Any]:
        """What the nodes name, as onnx.TensorProto."""
        arrays = {
            "mel.filters": mel_filters(self.bands),
            "stft.window": hann(),
            "stft.hop": np.array(self.hop_samples, np.int64),
            "stft.length": np.array(FFT_SAMPLES, np.int64),
            "axis.last": np.array([-1], np.int64),
            "axis.channel": np.array([1], np.int64),
            "log.floor": np.array(_FLOOR, np.float32),
            "deviation.smallest": np.array(_SMALLEST_DEVIATION, np.float32),
        }
        return [numpy_helper.from_array(array, self.prefix + name) for name, array in arrays.items()]

    def nodes(self, samples: str, picture: str) -> list[Any]:
        """From the tensor `samples` (W, S) to the tensor `picture` (W, 1, M, T). Opset 17."""
        steps: list[tuple[str, list[str], str, dict[str, Any]]] = [
            ("Unsqueeze", ["", "axis.last"], "stft.signal", {}),
            ("STFT", ["stft.signal", "stft.hop", "stft.window", "stft.length"], "stft.spectra", {"onesided": 1}),
            ("Mul", ["stft.spectra", "stft.spectra"], "stft.squares", {}),
            ("ReduceSum", ["stft.squares", "axis.last"], "stft.power", {"keepdims": 0}),
            ("MatMul", ["stft.power", "mel.filters"], "mel.power", {}),
            ("Add", ["mel.power", "log.floor"], "mel.positive", {}),
            ("Log", ["mel.positive"], "mel.log", {}),
            ("ReduceMean", ["mel.log"], "mel.mean", {"keepdims": 1}),
            ("Sub", ["mel.log", "mel.mean"], "mel.centred", {}),
            ("Mul", ["mel.centred", "mel.centred"], "mel.squares", {}),
            ("ReduceMean", ["mel.squares"], "mel.variance", {"keepdims": 1}),
            ("Sqrt", ["mel.variance"], "mel.deviation", {}),
            ("Add", ["mel.deviation", "deviation.smallest"], "mel.scale", {}),
            ("Div", ["mel.centred", "mel.scale"], "mel.normal", {}),
            ("Transpose", ["mel.normal"], "mel.upright", {"perm": [0, 2, 1]}),
            ("Unsqueeze", ["mel.upright", "axis.channel"], "", {}),
        ]
        return [
            helper.make_node(kind, [self.prefix + n if n else samples for n in given], [self.prefix + made if made else picture], **told)
            for kind, given, made, told in steps
        ]


def _mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))
