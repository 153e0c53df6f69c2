"""One step of fine-tuning: what changes, and what must not."""

import numpy as np
import pytest

from droplearn.contracts.training import HyperParameters
from droplearn.networks.efficientnet_lite import pretrained_weights
from droplearn.scenarios.image_classification.training.schedule import FIXED_BLOCKS, make_schedule
from droplearn.scenarios.image_classification.training.scoring import with_head
from droplearn.scenarios.image_classification.training.tuning_network import MovingAverage, TuningNetwork
from droplearn.scenarios.learning import ProcessGroup
from droplearn.scenarios.learning.logistic_regression import LinearHead

NETWORK = "efficientnet_lite0"


@pytest.fixture
def start():
    backbone = {name: value.numpy() for name, value in pretrained_weights(NETWORK).items()}
    return with_head(backbone, LinearHead(np.zeros((3, 1280), np.float32), np.zeros(3, np.float32)))


@pytest.fixture
def network(start):
    made = TuningNetwork(NETWORK, start, np.full(3, 1 / 3), make_schedule(HyperParameters(), 40, 1, is_cuda=False), ProcessGroup())
    yield made
    made.close()


def step(network, seed=0):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    targets = random.dirichlet(np.ones(3), 4).astype(np.float32)
    return sum(network.step(pixels, targets, 1.0, (seed,)))


def is_fixed(name):
    return name.startswith("stem.") or any(name.startswith(f"blocks.{i}.") for i in range(FIXED_BLOCKS)) or "running_" in name


def test_the_first_blocks_and_the_statistics_stay_and_the_rest_learns(network, start):
    average = MovingAverage(network, 0.9)
    step(network)
    average.update(0)
    for arrays in (network.arrays(), average.arrays()):
        assert arrays.keys() == start.keys()
        changed = {name for name in start if not np.array_equal(arrays[name], start[name])}
        assert not any(is_fixed(name) for name in changed)
        assert {name for name in start if name.endswith("conv.weight") and not is_fixed(name)} <= changed


def test_a_step_goes_on_from_saved_weights_and_moments_as_if_nothing_had_been(network):
    step(network)
    weights, moments = network.arrays(), network.moments()
    step(network, seed=1)
    expected = network.arrays()
    network.load(weights)
    network.load_moments(moments)
    step(network, seed=1)
    assert all(np.array_equal(value, expected[name]) for name, value in network.arrays().items())
