"""Group normalisation in front of which a convolution takes scale and shift upon itself: exact where every picture spreads alike."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from droplearn.networks.settled_norms import Sums, Unfinished, fitted, norms, settle_norms, sums_of

CHANNELS, GROUPS, SIDE = 8, 2, 6


def network(depth: int, kernel: int = 1) -> onnx.ModelProto:
    """So many times convolution, group normalisation, ReLU."""
    rng = np.random.default_rng(0)
    arrays = {
        "one": np.ones(GROUPS, np.float32),
        "zero": np.zeros(GROUPS, np.float32),
        "groups": np.array([0, GROUPS, -1], np.int64),
        "map": np.array([0, CHANNELS, SIDE, SIDE], np.int64),
    }
    nodes, last = [], "x"

    def node(kind: str, *inputs: str, **attributes: object) -> None:
        nonlocal last
        name = f"{kind}{len(nodes)}"
        nodes.append(helper.make_node(kind, [last, *inputs], [name], name=name, **attributes))
        last = name

    for place in range(depth):
        arrays[f"w{place}"] = rng.normal(size=(CHANNELS, CHANNELS, kernel, kernel)).astype(np.float32)
        arrays |= {f"{part}{place}": rng.normal(size=(1, CHANNELS, 1, 1)).astype(np.float32) for part in ("scale", "shift")}
        node("Conv", f"w{place}", kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4)
        node("Reshape", "groups")
        node("InstanceNormalization", "one", "zero", epsilon=1e-5)
        node("Reshape", "map")
        node("Mul", f"scale{place}")
        node("Add", f"shift{place}")
        node("Relu")
    graph = helper.make_graph(
        nodes,
        "normalised",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", CHANNELS, SIDE, SIDE])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def pictures(count: int, spread: float) -> list[dict[str, np.ndarray]]:
    """The same map turned round in many ways, which no mean and no spread can tell apart; then each as bright as by chance."""
    rng = np.random.default_rng(1)
    first = rng.normal(size=(1, CHANNELS, SIDE, SIDE))
    places = [rng.permutation(SIDE * SIDE) for _ in range(count)]
    turned = [first.reshape(1, CHANNELS, -1)[..., p].reshape(first.shape) for p in places]
    return [{"x": (x * rng.uniform(1 - spread, 1 + spread)).astype(np.float32)} for x in turned]


def answer(model: onnx.ModelProto, sample: dict[str, np.ndarray]) -> np.ndarray:
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, sample)[0]


def never() -> bool:
    return False


@pytest.mark.parametrize("looks", [0, 1, 7])
def test_a_fit_ends_when_its_time_is_over(looks: int):
    """Three layers are fitted to four samples each: twelve looks at the clock."""
    left = iter([False] * looks)
    with pytest.raises(Unfinished):
        settle_norms(network(3), pictures(4, 0.0), lambda: next(left, True))
    left = iter([False] * 12)
    assert settle_norms(network(3), pictures(4, 0.0), lambda: next(left, True)) is not None


def test_a_network_without_normalisation_needs_no_time():
    assert settle_norms(network(1, kernel=3), pictures(1, 0.0), lambda: True) is None


def test_where_all_pictures_spread_alike_nothing_changes():
    model, samples = network(3), pictures(4, 0.0)
    before = model.SerializeToString()
    settled = settle_norms(model, samples, never)
    assert [n.op_type for n in settled.graph.node] == ["Conv", "Relu"] * 3
    assert answer(settled, samples[0]) == pytest.approx(answer(model, samples[0]), abs=1e-3)
    assert model.SerializeToString() == before


def test_where_they_differ_a_little_the_answers_do():
    model, samples = network(3), pictures(40, 0.1)
    settled = settle_norms(model, samples[:30], never)
    error = [answer(settled, s) - answer(model, s) for s in samples[30:]]
    assert np.std(error) < 0.1 * np.std([answer(model, s) for s in samples])


def test_only_what_stands_behind_a_1x1_convolution_is_replaced():
    assert settle_norms(network(1, kernel=3), pictures(1, 0.0), never) is None
    assert len(norms(network(3))) == 3


def test_a_fit_to_examples_that_say_nothing_more_is_a_scaling_of_each_output():
    rng = np.random.default_rng(2)
    weight, x = rng.normal(size=(5, 3)), rng.normal(size=(3, 50))
    inputs = np.vstack([x, np.ones((1, 50))])
    wanted = np.diag([2.0, 0.5, 1, -1, 3]) @ weight @ x + np.arange(5)[:, None]
    made = fitted(weight, Sums(inputs @ inputs.T, inputs @ wanted.T))
    assert made[:, :-1] == pytest.approx(np.diag([2.0, 0.5, 1, -1, 3]) @ weight)
    assert made[:, -1] == pytest.approx(np.arange(5))


def test_inputs_that_are_always_zero_are_no_stumbling_block():
    own = np.zeros((4, 4))
    own[-1, -1] = 10
    made = fitted(np.ones((2, 3)), Sums(own, np.vstack([np.zeros((3, 2)), [[20.0, 30.0]]])))
    assert made[:, -1] == pytest.approx([2.0, 3.0])


def test_inputs_that_are_always_the_same_make_no_giant_weights():
    rng = np.random.default_rng(2)
    x, y = (np.broadcast_to(rng.normal(size=(1, count, 1, 1)), (1, count, 30, 30)).astype(np.float32) for count in (8, 5))
    weight = rng.normal(size=(5, 8))
    made = fitted(weight, sums_of(x, y))
    assert np.abs(made).max() < 100
    assert made[:, :-1] @ x[0, :, 0, 0] + made[:, -1] == pytest.approx(y[0, :, 0, 0], abs=1e-3)
