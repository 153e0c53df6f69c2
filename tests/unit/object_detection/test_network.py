"""The detector: torch and ONNX are one network, torch's losses are numpy's, gradients do not depend on the parts."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch.nn import functional

from droplearn.networks.depthwise import depthwise, is_suited
from droplearn.networks.detector import Detector
from droplearn.networks.detector_graph import detector_graph, early_graph
from droplearn.networks.detector_plan import DetectorPlan, points
from droplearn.networks.efficientnet_lite import pretrained_weights
from droplearn.networks.quantising import to_fp16
from droplearn.networks.settled_norms import norms
from droplearn.scenarios.learning import ProcessGroup
from droplearn.scenarios.object_detection.assignment import BACKGROUND, IGNORED, Targets, assign, losses
from droplearn.scenarios.object_detection.training.loader import Part
from droplearn.scenarios.object_detection.training.network import DetectorTraining, MovingAverage, fresh_weights, sum_losses

SIZE = 96


@pytest.fixture(scope="module", params=["efficientnet_lite0", "efficientnet_lite2"])
def built(request):
    plan = DetectorPlan(request.param, 3)
    backbone = {name: value.numpy() for name, value in pretrained_weights(request.param).items()}
    torch.manual_seed(0)
    network = Detector(plan).eval()
    own = network.state_dict()
    network.load_state_dict({**own, **{k: torch.from_numpy(v) for k, v in backbone.items() if k in own}})
    for value in network.parameters():  # nothing at zero or one: a missing or swapped weight must show
        value.data += 0.05 * torch.randn_like(value)
    state = network.state_dict().items()
    return plan, network, {**backbone, **{k: v.numpy() for k, v in state if v.is_floating_point()}}


def run(model, *outputs, image):
    return onnxruntime.InferenceSession(model.SerializeToString()).run(list(outputs), {"image": image})


def test_the_onnx_detector_is_the_torch_detector_after_the_early_graph(built):
    plan, network, weights = built
    image = np.random.default_rng(1).integers(0, 256, (2, SIZE, SIZE, 3), np.uint8)
    (first,) = run(early_graph(plan, weights, SIZE), "features", image=image)
    boxes, scores = run(detector_graph(plan, weights, SIZE), "boxes", "scores", image=image)
    with torch.no_grad():
        logits, reach = network(torch.from_numpy(first))
    centres, _ = points(SIZE)
    expected = np.concatenate([centres - reach[..., :2].numpy(), centres + reach[..., 2:].numpy()], axis=2)
    assert scores == pytest.approx(logits.sigmoid().numpy(), abs=1e-4)
    assert boxes / SIZE == pytest.approx(expected / SIZE, abs=1e-4)
    assert boxes.shape == (2, 12 * 12 + 6 * 6 + 3 * 3, 4)


def test_boxes_that_reach_far_are_the_same_in_half_precision(built, tmp_path):
    plan, _, weights = built
    far = {**weights, "box_out.bias": np.array([5, 11, 12, 16], np.float32), "box_out.weight": np.zeros_like(weights["box_out.weight"])}
    model = detector_graph(plan, far | {"level_scale": np.ones(3, np.float32)}, SIZE)
    to_fp16(model, tmp_path / "h.onnx")
    image = np.zeros((1, SIZE, SIZE, 3), np.uint8)
    (boxes,), (half,) = run(model, "boxes", image=image), run(onnx.load(str(tmp_path / "h.onnx")), "boxes", image=image)
    assert half == pytest.approx(boxes, abs=0.5)


def test_every_normalisation_of_the_detector_can_be_settled(built):
    plan, _, weights = built
    levels, shared = 3, 4  # each level's own: smooth; the two towers of two layers go over all levels; two ways down
    assert len(norms(detector_graph(plan, weights, SIZE))) == levels + 2 + shared * levels


def targets_and_answers(seed=0, label_count=3):
    random = np.random.default_rng(seed)
    corner = random.uniform(0, 60, (4, 2))
    truth = np.concatenate([corner, corner + random.uniform(8, 36, (4, 2))], axis=1).astype(np.float32)
    targets = assign(truth, random.integers(0, label_count, 4), np.array([0, 0, 0, 1]), SIZE)
    logits = random.normal(-2, 1.5, (len(targets.labels), label_count)).astype(np.float32)
    reach = random.uniform(2, 30, (len(targets.labels), 4)).astype(np.float32)
    return targets, logits, reach


def test_losses_in_torch_and_numpy_agree():
    targets, logits, reach = targets_and_answers()
    assert (targets.labels == IGNORED).any()
    centres, _ = points(SIZE)
    boxes = np.concatenate([centres - reach[:, :2], centres + reach[:, 2:]], axis=1)
    ours = losses(1 / (1 + np.exp(-logits)), boxes, targets)
    tensors = (torch.from_numpy(a)[None] for a in (logits, reach, targets.labels, targets.boxes))
    classification, localization, positives = sum_losses(*tensors, torch.from_numpy(centres))
    assert ours.classification == pytest.approx(float(classification), rel=1e-4)
    assert ours.localization == pytest.approx(float(localization), rel=1e-4)
    assert ours.positives == int(positives) > 0


def test_an_exact_box_has_no_localization_loss():
    truth = np.array([[16, 16, 64, 56]], np.float32)
    targets = assign(truth, np.array([0]), np.array([0]), SIZE)
    told = losses(np.where(targets.labels == 0, 0.999, 0.001)[:, None], np.repeat(truth, len(targets.labels), 0), targets)
    assert told.localization == pytest.approx(0, abs=1e-4)
    assert told.classification / told.positives < 0.01


def test_every_box_has_a_point_however_small_or_large():
    truth = np.array([[3, 3, 5, 5], [0, 0, 96, 96], [90, 90, 95, 95]], np.float32)
    targets = assign(truth, np.array([0, 1, 2]), np.zeros(3, int), SIZE)
    assert set(targets.labels.tolist()) == {BACKGROUND, 0, 1, 2}


def test_points_without_boxes_are_background_and_ignored_ones_are_not_asked():
    nothing = assign(np.zeros((0, 4), np.float32), np.zeros(0, int), np.zeros(0, int), SIZE)
    assert (nothing.labels == BACKGROUND).all()
    ignored = assign(np.array([[0, 0, 96, 48]], np.float32), np.array([0]), np.array([1]), SIZE)
    assert set(ignored.labels.tolist()) == {BACKGROUND, IGNORED}
    told = losses(np.where(ignored.labels == IGNORED, 0.99, 1e-6)[:, None], np.zeros((len(ignored.labels), 4)), ignored)
    assert told.classification == pytest.approx(0, abs=1e-6)


def part_of(seed, count=1) -> Part:
    plan = DetectorPlan("efficientnet_lite0", 3)
    made = [targets_and_answers(seed + i)[0] for i in range(count)]
    first = np.random.default_rng(seed).normal(size=(count, plan.feature_channels[0], SIZE // 8, SIZE // 8)).astype(np.float32)
    return Part(first, np.stack([t.labels for t in made]), np.stack([t.boxes for t in made]))


def joined(*parts: Part) -> Part:
    return Part(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


@pytest.fixture
def training():
    plan = DetectorPlan("efficientnet_lite0", 3)
    torch.set_num_threads(1)

    def make() -> DetectorTraining:
        return DetectorTraining(plan, SIZE, fresh_weights(plan, {}, seed=3), 1e-3, ProcessGroup())

    return make


def test_one_part_or_two_make_the_same_step(training):
    one, two = training(), training()
    for network, parts in ((one, [joined(part_of(1), part_of(2))]), (two, [part_of(1), part_of(2)])):
        network.step(parts, 1.0)
        network.close()
    ours, other = one.arrays(), two.arrays()
    assert max(float(np.abs(ours[name] - other[name]).max()) for name in ours) < 2e-4


def test_training_lowers_the_loss_and_state_can_be_taken_up_again(training):
    network = training()
    average = MovingAverage(network, 0.9)
    told = []
    for step in range(12):
        told.append(sum(network.step([part_of(1, 2)], 1.0)))
        average.update(step)
    assert told[-1] < told[0] - 0.05
    again = training()
    again.load(network.arrays())
    again.load_moments(network.moments())
    assert sum(again.step([part_of(1, 2)], 1.0)) == pytest.approx(sum(network.step([part_of(1, 2)], 1.0)), rel=1e-4)
    weights = average.arrays()
    assert weights.keys() == network.arrays().keys()
    for one in (network, again):
        one.close()


def test_targets_have_a_place_for_each_point():
    assert isinstance(assign(np.zeros((0, 4), np.float32), np.zeros(0, int), np.zeros(0, int), 64), Targets)
    assert len(points(64)[0]) == 8 * 8 + 4 * 4 + 2 * 2


@pytest.mark.parametrize("has_bias", [True, False])
def test_the_faster_depthwise_convolution_has_the_same_values_and_gradients(has_bias):
    random = torch.Generator().manual_seed(0)
    x = torch.randn(3, 24, 9, 12, generator=random).contiguous(memory_format=torch.channels_last).requires_grad_()
    weight, bias = torch.randn(24, 1, 5, 5, generator=random, requires_grad=True), torch.randn(24, generator=random, requires_grad=True)
    given = (x, weight, bias) if has_bias else (x, weight)
    assert is_suited(x, weight, 1, (2, 2), 24)
    ours, plain = depthwise(x, weight, bias if has_bias else None), functional.conv2d(x, weight, bias if has_bias else None, 1, 2, 1, 24)
    wanted = torch.randn(plain.shape, generator=random)
    assert ours.detach().numpy() == pytest.approx(plain.detach().numpy(), abs=1e-5)
    for mine, theirs in zip(torch.autograd.grad(ours, given, wanted), torch.autograd.grad(plain, given, wanted), strict=True):
        assert mine.numpy() == pytest.approx(theirs.numpy(), abs=1e-3)
