"""The network while it is tuned: backbone and head in torch, device, mixed precision, several processes, optimiser, moving average."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from droplearn.networks.efficientnet_lite import EfficientNetLite
from droplearn.networks.lite_table import FEATURE_CHANNELS, PIXEL_MEAN, PIXEL_SCALE, lite_network
from droplearn.scenarios.image_classification.training.schedule import (
    DROPOUT,
    FIXED_BLOCKS,
    HEAD_FACTOR,
    WEIGHT_DECAY,
    Schedule,
)
from droplearn.scenarios.learning import ProcessGroup
from droplearn.scenarios.learning.adam_moments import load_moments, moments_of
from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.learning.threads import core_count
from droplearn.scenarios.learning.torch_process import is_cuda
from droplearn.scenarios.pictures import Pixels

CPU_PART = 8
"""Pictures in a part: as fast as larger ones on one core, and quick to stop."""
Arrays = Mapping[str, Floats]


class _Part(NamedTuple):
    """A piece of a batch of `batch_size`: (b, S, S, 3) uint8 and (b, K) probabilities of the labels."""

    x: Tensor
    target: Tensor
    seed: tuple[int, ...]
    batch_size: int


class Classifier(nn.Module):
    """(B, S, S, 3) uint8 to logits (B, K)."""

    def __init__(self, network: str, label_count: int) -> None:
        super().__init__()
        self.backbone = EfficientNetLite(lite_network(network))
        self.classifier = nn.Linear(FEATURE_CHANNELS, label_count)
        self.backbone.stem.requires_grad_(False)
        self.backbone.blocks[:FIXED_BLOCKS].requires_grad_(False)

    def forward(self, pixels: Tensor, random: torch.Generator) -> Tensor:
        """Colours are jittered and features dropped out by `random`: threads share the weights, never a generator."""
        x = pixels.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        features = self.backbone(jitter(x, random).sub(PIXEL_MEAN).div(PIXEL_SCALE))
        kept = torch.empty_like(features).bernoulli_(1 - DROPOUT, generator=random).div(1 - DROPOUT)
        logits: Tensor = self.classifier(features * kept)
        return logits


def jitter(x: Tensor, random: torch.Generator) -> Tensor:
    """Brightness, contrast and saturation of seven pictures in ten. x: (B, 3, H, W), 0 to 255."""

    def factor(low: float, high: float) -> Tensor:
        return torch.empty(len(x), 1, 1, 1, device=x.device).uniform_(low, high, generator=random)

    grey = x.mean(1, keepdim=True)
    changed = grey + (x - grey) * factor(0.7, 1.3)
    changed = (changed * factor(0.75, 1.25) + factor(-20, 20)).clamp(0, 255)
    return torch.where(factor(0, 1) < 0.7, changed, x)


class TuningNetwork:
    """One training step at a time: on one process or several, each on a GPU or on all its cores.

    On CPU a batch is cut into parts and each thread takes whole parts, one core each: twice as fast as one part on all cores, and it
    leaves no
    core spinning where other programs run. Batch normalisation is frozen, so the sum of the parts' gradients is exact.
    """

    def __init__(self, network: str, start: Arrays, prior: Floats, schedule: Schedule, group: ProcessGroup) -> None:
        self.group = group
        self.device = torch.device("cuda", group.local_rank) if is_cuda() else torch.device("cpu")
        self.model = Classifier(network, len(prior))
        self.load(start)
        self.model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model.eval()  # batch normalisation keeps ImageNet's statistics: batches here are small and few
        self._log_prior = torch.from_numpy(np.log(prior)).to(self.device, torch.float32)
        self._parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(_parameter_groups(self.model, schedule.learning_rate))
        self._scaler = torch.amp.GradScaler(enabled=self.device.type == "cuda")
        self._threads = 1 if self.device.type == "cuda" else max(1, core_count() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
        self._pool = ThreadPoolExecutor(self._threads, "training")

    def step(self, pixels: Pixels, targets: Floats, rate_factor: float, seed: Sequence[int]) -> Iterator[float]:
        """One update from (B, S, S, 3) and (B, K); yields shares of the loss, so that the caller may stop in between."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * rate_factor
        x, target, count = torch.from_numpy(pixels).to(self.device), torch.from_numpy(targets).to(self.device), len(targets)
        size = count if self.device.type == "cuda" else max(2, min(CPU_PART, -(-count // self._threads)))
        parts = [_Part(x[i : i + size], target[i : i + size], (*seed, i), count) for i in range(0, count, size)]
        sums = [torch.zeros_like(p) for p in self._parameters]
        for i in range(0, len(parts), self._threads):
            for loss, gradients in self._pool.map(self._gradients, parts[i : i + self._threads]):
                # In the order of the parts: the sum does not depend on which thread was first.
                torch._foreach_add_(sums, list(gradients))
                yield loss
        self._apply(sums)

    def _gradients(self, part: _Part) -> tuple[float, Sequence[Tensor]]:
        random = torch.Generator(self.device).manual_seed(int(np.random.SeedSequence(part.seed).generate_state(1)[0]))
        loss = self._loss(part.x, part.target, random) / part.batch_size
        return float(loss.detach()), torch.autograd.grad(self._scaler.scale(loss), self._parameters)

    def _apply(self, gradients: list[Tensor]) -> None:
        if self.group.world_size > 1:
            flat = torch.cat([g.flatten() for g in gradients])
            torch.distributed.all_reduce(flat)
            flat /= self.group.world_size
            gradients = [f.view_as(g) for f, g in zip(torch.split(flat, [g.numel() for g in gradients]), gradients, strict=True)]
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.grad = gradient
        self._scaler.step(self.optimizer)
        self._scaler.update()

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown(cancel_futures=True)

    def arrays(self) -> dict[str, Floats]:
        """Backbone and head, float32; names of the backbone as in its file."""
        return {
            _outer(name): value.detach().cpu().numpy().copy()
            for name, value in self.model.state_dict().items()
            if value.is_floating_point()
        }

    def load(self, arrays: Arrays) -> None:
        """The reverse of arrays."""
        own = self.model.state_dict()
        given = {_inner(name): torch.from_numpy(np.array(value)) for name, value in arrays.items()}
        self.model.load_state_dict({**{k: v for k, v in own.items() if not v.is_floating_point()}, **given})

    def moments(self) -> dict[str, Floats]:
        """AdamW's state."""
        return moments_of(self.model, self.optimizer)

    def load_moments(self, moments: Arrays) -> None:
        """The reverse of moments."""
        load_moments(self.model, self.optimizer, moments)

    def _loss(self, x: Tensor, target: Tensor, random: torch.Generator) -> Tensor:
        """Sum over the part. The prior makes the network answer as if all labels were equally frequent, as the frozen head does.

        Source: Menon et al., "Long-tail learning via logit adjustment", 2021, equation 10.
        """
        with torch.autocast("cuda", torch.float16) if self.device.type == "cuda" else nullcontext():
            logits = self.model(x, random)
        adjusted = logits.float() + self._log_prior
        return functional.cross_entropy(adjusted, target, reduction="sum")


class MovingAverage:
    """Of the trained weights; the fixed ones are taken as they are."""

    def __init__(self, network: TuningNetwork, decay: float, start: Arrays | None = None) -> None:
        self._network, self._decay = network, decay
        self._values = {name: p.detach().clone() for name, p in network.model.named_parameters() if p.requires_grad}
        for name, value in (start or {}).items():
            if _inner(name) in self._values:
                self._values[_inner(name)] = torch.from_numpy(np.array(value)).to(network.device)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """After step number `step`; the first steps count more."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, parameter in self._network.model.named_parameters():
            if name in self._values:
                self._values[name].mul_(decay).add_(parameter.detach(), alpha=1 - decay)

    def arrays(self) -> dict[str, Floats]:
        """As TuningNetwork.arrays."""
        return self._network.arrays() | {_outer(name): value.cpu().numpy().copy() for name, value in self._values.items()}


def _parameter_groups(model: Classifier, rate: float) -> list[dict[str, Any]]:
    """Kernels, normalisation (no decay), head (three times the rate)."""
    norms = {id(p) for m in model.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters()}
    backbone = [p for p in model.backbone.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in backbone if id(p) not in norms], "lr": rate, "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in backbone if id(p) in norms], "lr": rate, "weight_decay": 0.0},
        {"params": list(model.classifier.parameters()), "lr": rate * HEAD_FACTOR, "weight_decay": WEIGHT_DECAY},
    ]
    return [group | {"base_lr": group["lr"]} for group in groups]


def _outer(name: str) -> str:
    return name.removeprefix("backbone.")


def _inner(name: str) -> str:
    return name if name.startswith("classifier.") else f"backbone.{name}"
