"""The table, the torch form and the ONNX form of EfficientNet-Lite say the same."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from droplearn.networks import backbones
from droplearn.networks.efficientnet_lite import ConvNorm, build, pretrained_weights
from droplearn.networks.lite_table import LITE_NETWORKS, lite_network, same_padding
from droplearn.networks.onnx_graph import IR_VERSION, OPSET, add_classifier, features_graph
from droplearn.networks.pretrained import PRETRAINED_NETWORKS
from droplearn.scenarios.image_classification.spec import SPEC
from droplearn.scenarios.learning.arrays import softmax


@pytest.fixture(scope="module", params=PRETRAINED_NETWORKS)
def pretrained(request):
    weights = pretrained_weights(request.param)
    return request.param, build(request.param, weights).eval(), {name: value.numpy() for name, value in weights.items()}


def pixels(count, size):
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def run(model, images):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"image": images})[0]


def in_torch(network, images):
    with torch.no_grad():
        return network((torch.from_numpy(images).permute(0, 3, 1, 2).float() - 127) / 128).numpy()


@pytest.mark.parametrize("odd", [0, 31])
def test_onnx_graph_gives_the_features_of_torch_at_even_and_odd_sizes(pretrained, odd):
    name, network, weights = pretrained
    size = 96 + odd
    images = pixels(2, size)
    graph = features_graph(lite_network(name), weights, size)
    assert np.abs(run(graph, images) - in_torch(network, images)).max() < 1e-4


def test_classifier_gives_tempered_probabilities_of_torch_within_1e_4_at_the_served_size(pretrained):
    name, network, weights = pretrained
    size = lite_network(name).input_size
    images = pixels(2, size)
    random = np.random.default_rng(1)
    weight, bias = random.normal(size=(5, 1280)).astype(np.float32), random.normal(size=5).astype(np.float32)
    model = add_classifier(features_graph(lite_network(name), weights, size), weight, bias, temperature=1.7)
    onnx.checker.check_model(model, full_check=True)
    expected = softmax((in_torch(network, images) @ weight.T + bias) / 1.7)
    assert np.abs(run(model, images) - expected).max() < 1e-4


def test_adding_a_classifier_leaves_the_features_graph_as_it_is(pretrained):
    name, _, weights = pretrained
    graph = features_graph(lite_network(name), weights, 64)
    before = graph.SerializeToString()
    add_classifier(graph, np.zeros((2, 1280), np.float32), np.zeros(2, np.float32), 1.0)
    assert graph.SerializeToString() == before


def test_graph_uses_an_opset_and_ir_version_that_browsers_and_triton_read(pretrained):
    name, _, weights = pretrained
    graph = features_graph(lite_network(name), weights, 64)
    assert [(o.domain, o.version) for o in graph.opset_import] == [("", OPSET)] == [("", 17)]
    assert graph.ir_version == IR_VERSION == 8


@pytest.mark.parametrize(("kernel", "stride", "size"), [(1, 1, 8), (3, 2, 9), (5, 2, 8)])
def test_folded_normalisation_gives_the_same_values_and_gradients(kernel, stride, size):
    torch.manual_seed(0)
    layer = ConvNorm(4, 6, kernel, stride, groups=2)
    norm = layer.norm
    for values in (norm.weight.data, norm.bias.data, norm.running_mean):
        values.normal_()
    norm.running_var.uniform_(0.5, 2)
    layer.eval()
    x = torch.randn(2, 4, size, size)
    folded, apart = layer(x), torch.nn.functional.relu6(norm(layer.conv(x)))
    assert torch.allclose(folded, apart, atol=1e-5)
    parameters = list(layer.parameters())
    for ours, theirs in zip(*(torch.autograd.grad(y.square().sum(), parameters) for y in (folded, apart)), strict=True):
        assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_missing_weights_are_an_error():
    weights = pretrained_weights("efficientnet_lite0")
    weights.pop("stem.conv.weight")
    with pytest.raises(RuntimeError, match=r"stem\.conv\.weight"):
        build("efficientnet_lite0", weights)


DEPTHS = {
    "efficientnet_lite0": (16, 224),
    "efficientnet_lite1": (21, 240),
    "efficientnet_lite2": (21, 260),
    "efficientnet_lite3": (24, 280),
    "efficientnet_lite4": (30, 300),
}


@pytest.mark.parametrize("name", LITE_NETWORKS)
def test_table_has_the_published_depths_and_sizes(name):
    network = lite_network(name)
    assert (len(network.blocks), network.input_size) == DEPTHS[name]


@given(size=st.integers(1, 300), kernel=st.sampled_from([1, 3, 5]), stride=st.sampled_from([1, 2]))
def test_same_padding_gives_the_size_over_the_stride_rounded_up(size, kernel, stride):
    before, after = same_padding(size, kernel, stride)
    assert 0 <= before <= after <= before + 1
    padded = size + before + after
    if padded >= kernel:
        assert (padded - kernel) // stride + 1 >= -(-size // stride)
        if before + after:
            assert (padded - kernel) // stride + 1 == -(-size // stride)


def test_the_presets_take_the_sizes_whose_graphs_an_image_holds_ready():
    presets = SPEC.presets.values()
    assert {preset.network: preset.input_size for preset in presets} == backbones.SIZES


def test_backbone_is_made_once_and_named_by_the_digest_of_its_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("DROPLEARN_BACKBONES", str(tmp_path / "cache"))
    first = backbones.backbone_file("efficientnet_lite0", 64)
    stamp = first.stat().st_mtime_ns
    assert backbones.backbone_file("efficientnet_lite0", 64) == first
    assert first.stat().st_mtime_ns == stamp
    assert backbones.weights_digest("efficientnet_lite0")[:16] in first.name
    assert [file.name for file in first.parent.iterdir()] == [first.name]
