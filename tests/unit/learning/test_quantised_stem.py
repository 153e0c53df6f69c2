"""The quantised network reads the picture's bytes, by a convolution that sees four pixels at once, and computes the very same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from droplearn.networks import quantising
from droplearn.networks.quantised_pixels import pixel_scale
from droplearn.networks.quantising import read, to_int8
from droplearn.networks.wide_stem import widened


def network(folder: Path, size: tuple[int, int] = (8, 12), stride: int = 2, mean: float = 127.0) -> Path:
    """Pixels -> (x - mean) / 128 -> convolution, ReLU6 -> two more convolutions -> means of the channels."""
    rng = np.random.default_rng(0)
    arrays = {"mean": np.float32(mean), "factor": np.float32(1 / 128), "low": np.float32(0), "high": np.float32(6)}
    shapes = {"stem": (4, 3, 3, 3), "depthwise": (4, 1, 3, 3), "pointwise": (5, 4, 1, 1)}
    for name, shape in shapes.items():
        arrays |= {f"{name}.w": rng.normal(size=shape).astype(np.float32), f"{name}.b": rng.normal(size=shape[0]).astype(np.float32)}

    def node(kind: str, name: str, *inputs: str, **attributes: object) -> onnx.NodeProto:
        return helper.make_node(kind, list(inputs), [name], name=name, **attributes)

    pads = [0, 0, 1, 1] if stride == 2 else [1] * 4
    nodes = [
        node("Cast", "cast", "image", to=TensorProto.FLOAT),
        node("Sub", "centred", "cast", "mean"),
        node("Mul", "scaled", "centred", "factor"),
        node("Transpose", "nchw", "scaled", perm=[0, 3, 1, 2]),
        node("Conv", "stem", "nchw", "stem.w", "stem.b", kernel_shape=[3, 3], strides=[stride] * 2, pads=pads),
        node("Clip", "active", "stem", "low", "high"),
        node("Conv", "depthwise", "active", "depthwise.w", "depthwise.b", kernel_shape=[3, 3], pads=[1] * 4, group=4),
        node("Conv", "pointwise", "depthwise", "pointwise.w", "pointwise.b", kernel_shape=[1, 1]),
        node("GlobalAveragePool", "pooled", "pointwise"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", *size, 3])],
        [helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["batch", 5, 1, 1])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in arrays.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(folder / "model.onnx"))
    return folder / "model.onnx"


def pictures(size: tuple[int, int] = (8, 12)) -> list[dict[str, np.ndarray]]:
    """None as dark or bright as can be: the picture's scale must not come from what was seen."""
    rng = np.random.default_rng(1)
    return [{"image": rng.integers(30, 200, (1, *size, 3), dtype=np.uint8)} for _ in range(6)]


def answers(model: Path, image: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"]).run(None, {"image": image})[0]


def kinds(model: Path) -> list[str]:
    return [node.op_type for node in read(model).graph.node]


def test_the_network_that_reads_bytes_four_pixels_at_once_answers_to_the_last_bit_as_the_plain_one(tmp_path, monkeypatch):
    model = read(network(tmp_path))
    to_int8(model, tmp_path / "fast.onnx", pictures(), ())
    monkeypatch.setattr(quantising, "widen_stem", lambda quantised: None)
    to_int8(model, tmp_path / "bytes.onnx", pictures(), ())
    monkeypatch.setattr(quantising, "take_bytes", lambda quantised, pixels: None)
    to_int8(model, tmp_path / "plain.onnx", pictures(), ())
    image = np.random.default_rng(2).integers(0, 256, (3, 8, 12, 3), dtype=np.uint8)
    image[0], image[1, :, 0] = 255, 0
    plain = answers(tmp_path / "plain.onnx", image)
    assert plain.std() > 0.1
    assert np.array_equal(answers(tmp_path / "bytes.onnx", image), plain)
    assert np.array_equal(answers(tmp_path / "fast.onnx", image), plain)
    assert {"Cast", "Sub", "Mul"}.isdisjoint(kinds(tmp_path / "fast.onnx"))
    assert "Cast" in kinds(tmp_path / "plain.onnx")
    first = next(node for node in read(tmp_path / "fast.onnx").graph.node if node.name == "stem")
    assert [list(a.ints) for a in first.attribute if a.name == "kernel_shape"] == [[3, 2]]


@pytest.mark.parametrize(("size", "stride"), [((8, 8), 1), ((8, 10), 2)])
def test_a_first_layer_of_another_shape_still_reads_bytes(tmp_path, size, stride):
    made = network(tmp_path, size, stride)
    to_int8(read(made), tmp_path / "q.onnx", pictures(size), ())
    assert ("Reshape" in kinds(tmp_path / "q.onnx"), "Cast" in kinds(tmp_path / "q.onnx")) == (False, False)
    image = pictures(size)[0]["image"]
    assert np.abs(answers(tmp_path / "q.onnx", image) - answers(made, image)).max() < 0.2


def test_a_first_layer_in_float_is_given_numbers(tmp_path):
    made = network(tmp_path)
    to_int8(read(made), tmp_path / "q.onnx", pictures(), ["stem"])
    assert "Cast" in kinds(tmp_path / "q.onnx")
    assert np.abs(answers(tmp_path / "q.onnx", pictures()[0]["image"]) - answers(made, pictures()[0]["image"])).max() < 0.2


def test_a_mean_that_is_no_byte_is_no_zero_point(tmp_path):
    assert pixel_scale(read(network(tmp_path, mean=123.7))) is None
    found = pixel_scale(read(network(tmp_path)))
    assert found is not None
    assert (found.tensor, found.scale, found.zero_point) == ("nchw", np.float32(1 / 128), 127)


def test_a_wide_kernel_holds_the_narrow_one_twice_two_pixels_apart():
    weight = np.arange(1, 2 * 3 * 3 * 3 + 1).reshape(2, 3, 3, 3)
    wide = widened(weight)
    assert wide.shape == (4, 12, 3, 2)
    pixels = wide.reshape(2, 2, 4, 3, 3, 2).transpose(0, 1, 3, 4, 5, 2).reshape(2, 2, 3, 3, 8)  # place, output, channel, row, column
    assert np.array_equal(pixels[0, ..., :3], weight)
    assert np.array_equal(pixels[1, ..., 2:5], weight)
    assert wide.sum() == 2 * weight.sum()
