"""The network of this scenario: samples in, one vector of features a sound out; with a classifier behind it, probabilities.

Two halves look at the same windows. A picture network (EfficientNet-Lite, ImageNet weights) sees the log-mel spectrogram: of its middle
layers every frequency is kept apart, since a spectrogram's vertical axis means pitch, not place; of its last one, what a picture network
usually gives. A speech network hears words (`speech_branch.py`). What a model does not use is not in its file.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from droplearn.networks.backbones import backbone_file
from droplearn.networks.lite_table import FEATURE_CHANNELS, lite_network
from droplearn.networks.onnx_graph import IR_VERSION, OPSET
from droplearn.scenarios.sound_classification.front_end import FrontEnd
from droplearn.scenarios.sound_classification.speech_branch import SPEECH_WIDTH, speech_digest, speech_nodes
from droplearn.scenarios.sound_classification.windows import WindowShape

GRAPH_VERSION = 1
"""Counts changes of the features' meaning: cached ones of another version are not used."""
INPUT, OUTPUT = "windows", "features"
PARTS = ("texture", "shape", "object", "speech")
_TAPPED_STRIDE = {"texture": 3, "shape": 4}
"""The stage of the picture network, counted from 0, after which a part is taken: strides of 16 pixels both."""


def part_widths(network: str, size: int) -> dict[str, int]:
    """How many features each part has."""
    side = -(-size // 16)
    channels = {part: lite_network(network).blocks[_last_block(network, stage)].outputs for part, stage in _TAPPED_STRIDE.items()}
    return {part: 2 * side * count for part, count in channels.items()} | {"object": 2 * FEATURE_CHANNELS, "speech": SPEECH_WIDTH}


def graph_digest(network: str, size: int) -> str:
    """Names everything that the features depend on."""
    return f"{backbone_file(network, size).stem}-{speech_digest()[:16]}-v{GRAPH_VERSION}"


def features_graph(network: str, size: int, parts: Sequence[str]) -> Any:
    """An onnx.ModelProto: `windows` float32 (W, S), the windows of ONE sound, to `features` float32 (1, D), the parts in this order."""
    nodes, initializers = _all_nodes(network, size)
    joined = helper.make_node("Concat", [f"part.{part}" for part in parts], [OUTPUT], name="parts", axis=1)
    kept = _needed([*nodes, joined], OUTPUT)
    used = {name for node in kept for name in node.input}
    width = sum(part_widths(network, size)[part] for part in parts)
    graph = helper.make_graph(
        kept,
        f"sound_{network}",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["window", WindowShape(size).samples])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [1, width])],
        [array for array in initializers if array.name in used],
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="droplearn")
    helper.set_model_props(model, {"network": network, "source": graph_digest(network, size), "parts": ",".join(parts)})
    return model


@cache
def _all_nodes(network: str, size: int) -> tuple[list[Any], list[Any]]:
    """In an order that can be run."""
    backbone = onnx.load(str(backbone_file(network, size))).graph
    picture = _grey_stem(backbone)
    speech, speech_arrays = speech_nodes(INPUT, "part.speech")
    front_end = FrontEnd(bands=size)
    arrays = [*front_end.initializers(), numpy_helper.from_array(np.array([1, -1], np.int64), "part.flat")]
    nodes = [*front_end.nodes(INPUT, picture), *backbone.node, *_pooled(backbone, network), *speech]
    return nodes, [*backbone.initializer, *arrays, *speech_arrays]


def _grey_stem(backbone: Any) -> str:
    """Takes the pixels' preparation off and lets the first layer see one channel thrice: its kernel, summed. The input's name."""
    stem = next(node for node in backbone.node if node.op_type == "Conv")
    kernel = next(array for array in backbone.initializer if array.name == stem.input[1])
    kernel.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(kernel).sum(axis=1, keepdims=True), kernel.name))
    stem.input[0] = "picture"
    kept = _needed(list(backbone.node), backbone.output[0].name)
    del backbone.node[:]
    backbone.node.extend(kept)
    backbone.node[-1].output[0] = "object.windows"
    return "picture"


def _pooled(backbone: Any, network: str) -> list[Any]:
    node = helper.make_node
    made = [
        node("ReduceMean", ["object.windows"], ["object.mean"], axes=[0], keepdims=1),
        node("ReduceMax", ["object.windows"], ["object.maximum"], axes=[0], keepdims=1),
        node("Concat", ["object.mean", "object.maximum"], ["part.object"], axis=1),
    ]
    for part, stage in _TAPPED_STRIDE.items():
        made += _by_frequency(_block_output(backbone, network, _last_block(network, stage)), part)
    return made


def _by_frequency(map_: str, part: str) -> list[Any]:
    """(W, C, H, T) to (1, 2 C H): mean over time and windows; the windows' mean of the loudest moment."""
    node = helper.make_node
    return [
        node("ReduceMean", [map_], [f"{part}.mean"], axes=[0, 3], keepdims=0),
        node("ReduceMax", [map_], [f"{part}.peaks"], axes=[3], keepdims=0),
        node("ReduceMean", [f"{part}.peaks"], [f"{part}.peak"], axes=[0], keepdims=0),
        node("Concat", [f"{part}.mean", f"{part}.peak"], [f"{part}.both"], axis=0),
        node("Reshape", [f"{part}.both", "part.flat"], [f"part.{part}"]),
    ]


def _last_block(network: str, stage: int) -> int:
    """The index of the stage's last block. A stage ends where the number of channels changes."""
    blocks = lite_network(network).blocks
    ends = [i for i, block in enumerate(blocks) if i + 1 == len(blocks) or blocks[i + 1].outputs != block.outputs]
    return ends[stage]


def _block_output(backbone: Any, network: str, index: int) -> str:
    """The tensor that a block ends with: of its projection, or of the addition that follows it."""
    projection = next(n for n in backbone.node if len(n.input) > 1 and n.input[1] == f"blocks.{index}.project.weight")
    name = str(projection.output[0])
    if not lite_network(network).blocks[index].is_residual:
        return name
    return str(next(n for n in backbone.node if n.op_type == "Add" and name in n.input).output[0])


def _needed(nodes: list[Any], output: str) -> list[Any]:
    """Those that the output depends on, in their order."""
    wanted, kept = {output}, []
    for node in reversed(nodes):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= set(node.input)
    return kept[::-1]
