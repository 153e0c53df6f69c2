"""The small network in torch, and its training loop. Only this module of the scenario imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.sound_classification.small_graph import NORM_EPSILON, WIDTHS
from droplearn.scenarios.sound_classification.training.small_data import Pictures

LABEL_SMOOTHING, WEIGHT_DECAY, DROPOUT = 0.05, 0.02, 0.3
_WARMUP_STEPS = 40
_SMALLEST_RATE = 0.01
"""Of the highest: where the cosine ends."""
_TIME_MASK, _BAND_MASK = 0.15, 0.25
"""Widest masks, as shares of the axis. Source: Park et al., "SpecAugment", 2019 (policy; widths as in the spike that was measured)."""


class Network(nn.Module):
    """(B, 1, M, T) to logits (B, K)."""

    def __init__(self, label_count: int) -> None:
        super().__init__()
        widths = (1, *WIDTHS)
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in zip(widths, WIDTHS, strict=False))
        self.norms = nn.ModuleList(nn.BatchNorm2d(width, eps=NORM_EPSILON) for width in WIDTHS)
        self.head = nn.Linear(2 * WIDTHS[-1], label_count)

    def forward(self, x: Tensor) -> Tensor:
        """Mean over bands; mean and maximum over time."""
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = functional.max_pool2d(functional.relu(norm(convolution(x))), 2)
        by_time = x.mean(2)
        pooled = torch.cat([by_time.mean(2), by_time.amax(2)], 1)
        logits: Tensor = self.head(functional.dropout(pooled, DROPOUT, self.training))
        return logits


@dataclass(frozen=True)
class Plan:
    """How long and how fast."""

    epochs: int
    batch_size: int
    learning_rate: float
    warmup_steps: int = _WARMUP_STEPS


def train_network(
    versions: list[Pictures],
    y: Integers,
    label_count: int,
    plan: Plan,
    seed: int,
    after_epoch: Callable[[int, float, Callable[[Pictures], Floats]], None],
    check: Callable[[], None],
) -> dict[str, NDArray[np.float32]]:
    """Weights as small_graph.py takes them. versions: the same examples, altered in several ways; epoch n takes number n in turn.

    `after_epoch(number, train loss, logits of pictures)`; `check` may raise.
    """
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_num_threads(1)  # so small a network gains little from more, and they would spin where other programs run
    random, network = np.random.default_rng(seed), Network(label_count)
    optimizer = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=WEIGHT_DECAY)
    log_prior = torch.from_numpy(np.log(np.maximum(np.bincount(y, minlength=label_count), 1) / len(y))).float()
    batches = max(1, len(y) // plan.batch_size)
    for epoch in range(plan.epochs):
        network.train()
        losses = []
        for number, batch in enumerate(np.array_split(random.permutation(len(y)), batches)):
            check()
            for group in optimizer.param_groups:
                group["lr"] = plan.learning_rate * _rate(epoch * batches + number, plan.epochs * batches, plan.warmup_steps)
            x = torch.from_numpy(_masked(versions[epoch % len(versions)][batch], random))
            logits = network(x) + log_prior  # so that it answers as if all labels were equally frequent
            loss = functional.cross_entropy(logits, torch.from_numpy(y[batch]), label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(float(loss.detach()))
        network.eval()
        after_epoch(epoch + 1, float(np.mean(losses)), lambda pictures: _logits(network, pictures))
    return _weights(network)


@torch.no_grad()
def _logits(network: Network, pictures: Pictures) -> Floats:
    parts = [network(torch.from_numpy(pictures[i : i + 64])).numpy() for i in range(0, len(pictures), 64)]
    return np.concatenate(parts)


def _rate(step: int, steps: int, warmup_steps: int) -> float:
    warm = min(1.0, (step + 1) / max(1, min(warmup_steps, steps // 4)))
    return warm * max(_SMALLEST_RATE, 0.5 * (1 + math.cos(math.pi * step / steps)))


def _masked(pictures: Pictures, random: np.random.Generator) -> Pictures:
    """Two masks in time and two in bands on each; a copy. 0 is the mean."""
    masked = pictures.copy()
    bands, frames = masked.shape[2:]
    for picture in masked:
        for _ in range(2):
            width = int(random.integers(0, max(1, int(bands * _BAND_MASK)) + 1))
            start = int(random.integers(0, bands - width + 1))
            picture[:, start : start + width] = 0
            width = int(random.integers(0, max(1, int(frames * _TIME_MASK)) + 1))
            start = int(random.integers(0, frames - width + 1))
            picture[:, :, start : start + width] = 0
    return masked


def _weights(network: Network) -> dict[str, NDArray[np.float32]]:
    """Normalisation as scale and shift."""
    state = network.state_dict()
    told = {"head.weight": state["head.weight"], "head.bias": state["head.bias"]}
    for n in range(len(WIDTHS)):
        gain, shift, mean, variance = (state[f"norms.{n}.{part}"] for part in ("weight", "bias", "running_mean", "running_var"))
        scale = gain / torch.sqrt(variance + NORM_EPSILON)
        told |= {f"{n}.kernel": state[f"convolutions.{n}.weight"], f"{n}.scale": scale, f"{n}.shift": shift - mean * scale}
    return {name: value.numpy().copy() for name, value in told.items()}
