"""Int8 and fp16 of a small network: what is quantised, what stays, and what is tried when it falls too far."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from droplearn.contracts.optimisation import Measured
from droplearn.networks.quantisation_choice import first_and_last, quantisable
from droplearn.networks.quantisation_noise import nodes_by_harm
from droplearn.networks.quantising import read, to_fp16, to_int8
from droplearn.networks.settled_norms import Unfinished
from trainer.variants import Gate, OutOfTime, doubts, make_variant

SIZE = 8


def node(kind: str, name: str, *inputs: str, **attributes: object) -> onnx.NodeProto:
    return helper.make_node(kind, list(inputs), [name], name=name, **attributes)


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Path:
    """Pixels -> two convolutions with a residual sum -> logits -> probabilities."""
    rng = np.random.default_rng(0)
    arrays = {
        "mean": np.float32(127),
        "low": np.float32(0),
        "high": np.float32(6),
        "w1": rng.normal(size=(4, 3, 3, 3)).astype(np.float32) / 127,
        "w2": rng.normal(size=(4, 4, 9, 9)).astype(np.float32) / 9,  # large enough to be moved into a file of its own by a careless tool
        "w3": rng.normal(size=(3, 4)).astype(np.float32),
        "b3": np.zeros(3, np.float32),
        "two": np.float32(2),
    }
    nodes = [
        node("Cast", "cast", "image", to=TensorProto.FLOAT),
        node("Sub", "centred", "cast", "mean"),
        node("Transpose", "nchw", "centred", perm=[0, 3, 1, 2]),
        node("Conv", "conv1", "nchw", "w1", kernel_shape=[3, 3], pads=[1] * 4),
        node("Clip", "active", "conv1", "low", "high"),
        node("Conv", "conv2", "active", "w2", kernel_shape=[9, 9], pads=[4] * 4),
        node("Add", "sum", "active", "conv2"),
        node("GlobalAveragePool", "pool", "sum"),
        node("Flatten", "flat", "pool"),
        node("Gemm", "logits", "flat", "w3", "b3", transB=1),
        node("Div", "scaled", "logits", "two"),
        node("Softmax", "probabilities", "scaled"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", SIZE, SIZE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in arrays.items()],
    )
    path = tmp_path_factory.mktemp("network") / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


@pytest.fixture(scope="module")
def samples() -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(1)
    return [{"image": rng.integers(0, 256, (1, SIZE, SIZE, 3), dtype=np.uint8)} for _ in range(8)]


def answers(network: Path, samples: list[dict[str, np.ndarray]]) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(network), providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, sample)[0] for sample in samples])


def test_layers_with_weights_and_what_lies_between_are_quantised_and_the_outputs_are_not(network):
    assert quantisable(read(network)) == ["conv1", "active", "conv2", "sum", "pool", "logits"]
    assert first_and_last(read(network)) == ["conv1", "logits"]


def test_int8_answers_nearly_the_same_with_a_weight_scale_for_each_channel(network, samples, tmp_path):
    to_int8(read(network), tmp_path / "q.onnx", samples, ())
    assert np.abs(answers(tmp_path / "q.onnx", samples) - answers(network, samples)).max() < 0.05
    scales = {a.name: a.dims for a in read(tmp_path / "q.onnx").graph.initializer if a.name.endswith("w1_scale")}
    assert [list(dims) for dims in scales.values()] == [[4]]


def test_making_a_variant_leaves_the_network_as_it_was_so_that_another_can_be_made_of_it(network, samples, tmp_path):
    model = read(network)
    before = model.SerializeToString()
    to_int8(model, tmp_path / "q.onnx", samples, ())
    to_fp16(model, tmp_path / "h.onnx")
    assert model.SerializeToString() == before


def test_fp16_keeps_the_types_of_inputs_and_outputs(network, samples, tmp_path):
    to_fp16(read(network), tmp_path / "h.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "h.onnx"), providers=["CPUExecutionProvider"])
    assert (session.get_inputs()[0].type, session.get_outputs()[0].type) == ("tensor(uint8)", "tensor(float)")
    assert np.abs(answers(tmp_path / "h.onnx", samples) - answers(network, samples)).max() < 0.01


def test_nodes_that_are_to_stay_in_float_stay(network, samples, tmp_path):
    to_int8(read(network), tmp_path / "q.onnx", samples, ["conv1", "logits"])
    untouched = {a.name for a in read(tmp_path / "q.onnx").graph.initializer}
    assert {"w1", "w3"} <= untouched
    assert "w2" not in untouched


def test_the_layer_whose_values_span_most_is_told_first(network, samples, tmp_path):
    wide = read(network)
    weights = next(a for a in wide.graph.initializer if a.name == "w2")
    value = numpy_helper.to_array(weights).copy()
    value[1] *= 300  # one channel so large that the others share a few of the 256 steps
    weights.CopyFrom(numpy_helper.from_array(value, "w2"))
    to_int8(wide, tmp_path / "q.onnx", samples, ())
    assert set(nodes_by_harm(wide, tmp_path / "q.onnx", samples)[:3]) & {"conv2", "sum"}


class Bench:
    """Tells the metrics that a test has set, one a try."""

    def __init__(self, *metrics: float | None, spare_s: Iterable[float] = ()) -> None:
        self._metrics, self._spare_s = iter(metrics), iter(spare_s)

    def spare_s(self) -> float:
        return next(self._spare_s, 3600.0)

    def metric(self, network: Path) -> float:
        told = next(self._metrics)
        if told is None:
            raise OutOfTime
        return told

    def measured(self, network: Path, metric: float) -> Measured:
        return Measured(size_bytes=25, latency_ms=2.0, metric=metric)

    def largest_difference(self, network: Path) -> float:
        return 0.1

    def is_better(self, metric: float, other: float) -> bool:
        return metric > other


GATE = Gate("top1_accuracy", Measured(size_bytes=100, latency_ms=4.0, metric=0.95), 0.01, is_higher_better=True)


@pytest.mark.parametrize(
    ("metrics", "is_published", "file", "told"),
    [
        ((0.95,), True, "int8.0.onnx", "stays the same; 4.0 times smaller, 2.0 times faster"),
        ((0.80, 0.945), True, "int8.1.onnx", "falls by 0.50 points"),
        ((0.80, 0.90, 0.93, 0.92), False, "int8.2.onnx", "Kept aside: top1_accuracy falls by 2.00 points, more than the tolerance of 1"),
        ((0.80, None), False, "int8.0.onnx", "The time was over before everything was tried"),
    ],
)
def test_ever_more_stays_in_float_until_the_metric_holds(network, samples, tmp_path, metrics, is_published, file, told):
    report, made = make_variant("int8", network, tmp_path, samples, Bench(*metrics), GATE)
    assert (report.is_published, made.name) == (is_published, file)
    assert told in report.reason
    assert (report.float_nodes > 0) == (file != "int8.0.onnx")


@pytest.mark.parametrize(("metrics", "file"), [((0.95,), "int8.settled.onnx"), ((0.80, 0.95), "int8.0.onnx")])
def test_group_normalisation_is_replaced_first_and_comes_back_where_the_metric_falls(
    network, samples, tmp_path, monkeypatch, metrics, file
):
    monkeypatch.setattr("trainer.variants.settle_norms", lambda model, *_: model)
    report, made = make_variant("int8", network, tmp_path, samples, Bench(*metrics), GATE)
    assert (report.is_published, made.name) == (True, file)


def never_fitted(model: object, samples: object, is_over: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not is_over():
        assert time.monotonic() < until, "it would never end"
    raise Unfinished


def test_where_time_is_short_normalisation_stays_and_the_report_says_why(network, samples, tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.variants.settle_norms", never_fitted)
    report, made = make_variant("int8", network, tmp_path, samples, Bench(0.95, spare_s=[0.02]), GATE)
    assert (report.is_published, made.name) == (True, "int8.0.onnx")
    told = "2.0 times faster on this CPU. Its group normalisation stayed in float32: there was no time to fit it (optimise.max_runtime_s)."
    assert report.reason.endswith(told)


@pytest.mark.parametrize(("spare_s", "tries"), [([-1, -1], 0), ([3600, -1], 0), ([3600, 1, -1], 1), ([3600, 1, 1, 1, -1], 2)])
def test_nothing_is_made_that_could_not_be_measured_any_more(network, samples, tmp_path, spare_s, tries):
    report, made = make_variant("int8", network, tmp_path, samples, Bench(0.8, 0.8, 0.8, spare_s=spare_s), GATE)
    assert len(list(tmp_path.glob("int8.*.onnx"))) == tries
    assert (made is None) == (tries == 0)
    assert "The time was over before" in report.reason


def test_a_variant_that_could_not_be_measured_in_time_is_none(network, samples, tmp_path):
    report, made = make_variant("fp16", network, tmp_path, samples, Bench(None), GATE)
    assert (report.is_published, report.measured, made) == (False, None, None)


def test_where_lower_is_better_a_rise_is_a_fall():
    gate = Gate("rmse", Measured(size_bytes=1, latency_ms=1, metric=2.0), 0.01, is_higher_better=False)
    assert (gate.fall(2.5), gate.passes(2.5), gate.passes(1.5)) == (0.5, False, True)


@pytest.mark.parametrize(
    ("count", "protocol", "told"),
    [
        (2000, "test_split", []),
        (600, "test_split", ["one of them is 0.17 points"]),
        (50, "held_out_validation", ["too few to see"]),
        (1000, "training_examples", ["learnt from the examples"]),
        (50, "training_examples", ["too few to see", "learnt from the examples"]),
    ],
)
def test_a_report_says_how_far_its_falls_can_be_trusted(count, protocol, told):
    said = doubts(count, 0.01, protocol)
    assert len(said) == len(told)
    assert all(part in sentence for part, sentence in zip(told, said, strict=True))
