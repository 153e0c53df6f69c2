"""The network as ONNX: the front end, its parts, and the small network beside its torch twin."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from droplearn.networks.onnx_graph import add_classifier
from droplearn.scenarios.learning.logistic_regression import LinearHead
from droplearn.scenarios.sound_classification import small_graph, speech_branch
from droplearn.scenarios.sound_classification.feature_graph import PARTS, features_graph, part_widths
from droplearn.scenarios.sound_classification.front_end import FrontEnd, hann, mel_filters
from droplearn.scenarios.sound_classification.inference import SoundGraph
from droplearn.scenarios.sound_classification.windows import FFT_SAMPLES, MAX_WINDOWS, WindowShape, cut

NETWORK, SIZE = "efficientnet_lite0", 224
SHAPE = WindowShape(SIZE)


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, int(seconds * 32_000)).astype(np.float32)


def session(model) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


@pytest.fixture(scope="module")
def everything() -> SoundGraph:
    return SoundGraph(features_graph(NETWORK, SIZE, PARTS).SerializeToString())


def numpy_log_mel(window: np.ndarray, bands: int, hop: int) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(window, FFT_SAMPLES)[::hop] * hann()
    log = np.log(np.abs(np.fft.rfft(frames, axis=1)) ** 2 @ mel_filters(bands) + 1e-6)
    return ((log - log.mean()) / (log.std() + 1e-5)).T


def test_the_front_end_computes_what_numpy_computes() -> None:
    crop = 20_000
    told = session(small_graph.spectrogram_graph(crop)).run(None, {"samples": noise(1)[None, :crop]})[0]
    expected = numpy_log_mel(noise(1)[:crop].astype(np.float64), small_graph.BANDS, small_graph.HOP_SAMPLES)
    assert told[0, 0] == pytest.approx(expected, abs=2e-3)


def test_tools_that_infer_shapes_take_the_front_end_so_that_int8_can_be_made_of_it() -> None:
    """onnx takes an STFT for two-sided that does not say what it is."""
    inferred = onnx.shape_inference.infer_shapes(small_graph.spectrogram_graph(20_000), strict_mode=True)
    shapes = {v.name: [axis.dim_value for axis in v.type.tensor_type.shape.dim] for v in inferred.graph.value_info}
    power = next(shape for name, shape in shapes.items() if name.endswith("stft.power"))
    assert power[-1] == FFT_SAMPLES // 2 + 1
    session(inferred)


def test_high_bands_are_on_top() -> None:
    tone = np.sin(np.arange(SHAPE.samples) * 2 * np.pi * 8000 / 32_000).astype(np.float32)
    graph = session(small_graph.spectrogram_graph(SHAPE.samples))
    high = graph.run(None, {"samples": tone[None]})[0][0, 0].mean(axis=1).argmax()
    low = graph.run(None, {"samples": np.sin(np.arange(SHAPE.samples) * 0.05).astype(np.float32)[None]})[0][0, 0].mean(axis=1).argmax()
    assert high < low


def test_two_front_ends_share_a_graph_by_their_prefixes() -> None:
    names = {array.name for prefix in ("", "a/") for array in FrontEnd(40, prefix=prefix).initializers()}
    assert len(names) == 2 * len(FrontEnd(40).initializers())


def test_parts_come_in_order_and_width(everything: SoundGraph) -> None:
    widths = part_widths(NETWORK, SIZE)
    windows = cut(noise(3), SHAPE)
    row = everything.run(windows)
    assert len(row) == sum(widths.values())
    begin = 0
    for part in PARTS:
        alone = SoundGraph(features_graph(NETWORK, SIZE, (part,)).SerializeToString()).run(windows)
        assert row[begin : begin + widths[part]] == pytest.approx(alone, abs=1e-3), part
        begin += widths[part]


def test_what_a_model_does_not_use_is_not_in_its_file() -> None:
    sizes = {parts: len(features_graph(NETWORK, SIZE, parts).SerializeToString()) for parts in (("speech",), ("texture",), PARTS)}
    assert sizes[("texture",)] < 2_000_000 < sizes[("speech",)] < 3_000_000 < sizes[PARTS]


def test_loudness_does_not_matter_and_silence_is_no_trouble(everything: SoundGraph) -> None:
    loud, faint = (everything.run(cut(noise(1) * gain, SHAPE)) for gain in (1.0, 0.05))
    assert faint == pytest.approx(loud, rel=1e-3, abs=1e-3)
    assert np.isfinite(everything.run(cut(np.zeros(32_000, np.float32), SHAPE))).all()


def test_the_speech_branch_gives_the_wheels_own_embeddings() -> None:
    window = noise(3)[None, : SHAPE.samples]
    model = features_graph(NETWORK, SIZE, ("speech",))
    half_rate = onnx.helper.make_tensor_value_info("speech.half_rate", onnx.TensorProto.FLOAT, None)
    model.graph.output.append(half_rate)
    features, samples = session(model).run(["features", "speech.half_rate"], {"windows": window})
    folder = speech_branch._folder()
    spectrum, embedding = (onnxruntime.InferenceSession(str(folder / n)) for n in ("melspectrogram.onnx", "embedding_model.onnx"))
    frames = spectrum.run(None, {"input": samples})[0].squeeze() / 10 + 2
    pieces = np.stack([frames[i : i + 76] for i in range(0, len(frames) - 75, 8)])[..., None]
    each = embedding.run(None, {"input_1": pieces.astype(np.float32)})[0].reshape(-1, 96)
    assert features[0] == pytest.approx(np.concatenate([each.mean(0), each.max(0), each.std(0), each.min(0)]), abs=0.02)


def weights(labels: int, seed: int = 0) -> dict[str, np.ndarray]:
    import torch

    from droplearn.scenarios.sound_classification.training import small_torch

    torch.manual_seed(seed)
    network = small_torch.Network(labels).eval()
    for norm in network.norms:
        torch.nn.init.uniform_(norm.running_mean, -0.1, 0.1)
        torch.nn.init.uniform_(norm.running_var, 0.5, 1.5)
    return {"network": network, "weights": small_torch._weights(network)}


def test_the_small_network_is_the_same_in_torch_and_in_onnx() -> None:
    import torch

    made, crop = weights(4), 30_000
    windows = cut(noise(2.0), SHAPE)
    model = small_graph.small_model(small_graph.SmallNetwork(made["weights"], crop), SHAPE, 2.0)
    pictures = session(small_graph.spectrogram_graph(crop)).run(None, {"samples": windows[:, :crop]})[0]
    with torch.no_grad():
        logits = made["network"](torch.from_numpy(pictures)).numpy().mean(axis=0) / 2.0
    expected = np.exp(logits) / np.exp(logits).sum()
    assert session(model).run(None, {"windows": windows})[0][0] == pytest.approx(expected, abs=1e-5)


def test_the_mean_of_both_is_a_weighted_sum_of_logits() -> None:
    random, features = np.random.default_rng(0), features_graph(NETWORK, SIZE, ("speech",))
    head = LinearHead(random.normal(0, 0.01, (4, 384)).astype(np.float32), np.zeros(4, np.float32))
    network, windows = small_graph.SmallNetwork(weights(4)["weights"], 30_000), cut(noise(2), SHAPE)
    alone = [add_classifier(features, head.weight, head.bias, 1.0), small_graph.small_model(network, SHAPE, 1.0)]
    logits = [np.log(session(model).run(None, {"windows": windows})[0][0]) for model in alone]
    both = np.exp(0.3 * logits[0] + 0.6 * logits[1])
    told = session(small_graph.mean_model(features, head, network, SHAPE, (0.3, 0.6))).run(None, {"windows": windows})[0][0]
    assert told == pytest.approx(both / both.sum(), abs=1e-4)


@pytest.mark.parametrize(("seconds", "count"), [(0.05, 1), (2.26, 1), (2.3, 2), (3.0, 2), (10.0, 5), (300.0, MAX_WINDOWS)])
def test_windows_lie_side_by_side_and_are_bounded(seconds: float, count: int) -> None:
    windows = cut(noise(seconds), SHAPE)
    assert windows.shape == (count, SHAPE.samples)
    assert np.abs(windows).max() <= 1.0
    assert WindowShape.of_samples(SHAPE.samples) == SHAPE


def test_the_last_window_ends_with_the_sound() -> None:
    samples = np.linspace(0, 1, 100_000, dtype=np.float32)
    assert cut(samples, SHAPE)[-1][-1] == 1.0
