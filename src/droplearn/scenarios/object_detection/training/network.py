"""The detector while it is trained: losses in torch, device, mixed precision, several processes, optimiser, moving average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from droplearn.networks.detector import Detector
from droplearn.networks.detector_plan import DetectorPlan, points
from droplearn.scenarios.learning import ProcessGroup
from droplearn.scenarios.learning.adam_moments import load_moments, moments_of
from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.learning.torch_process import is_cuda
from droplearn.scenarios.object_detection.assignment import IGNORED, LEAST_QUALITY, LOCALIZATION_WEIGHT, NEGATIVE_WEIGHT
from droplearn.scenarios.object_detection.training.loader import Part, threads_of
from droplearn.scenarios.object_detection.training.schedule import BACKBONE_FACTOR, LARGEST_GRADIENT, WEIGHT_DECAY

Arrays = Mapping[str, Floats]


class StepLosses(NamedTuple):
    """Per point that answers for a box."""

    classification: float
    localization: float


class DetectorTraining:
    """One training step at a time: on one process or several, each on a GPU or on all its cores.

    On CPU each thread takes whole parts of a batch, one core each. Nothing in the trained half looks at a batch as a whole (group
    normalisation; the backbone's batch normalisation is frozen), so the sum of the parts' gradients is exact.
    """

    def __init__(self, plan: DetectorPlan, size: int, start: Arrays, learning_rate: float, group: ProcessGroup) -> None:
        self.group = group
        self.device = torch.device("cuda", group.local_rank) if is_cuda() else torch.device("cpu")
        self.model = Detector(plan)
        self.load(start)
        self.model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model.eval()
        self._centres = torch.from_numpy(points(size)[0]).to(self.device)
        self._parameters = list(self.model.parameters())
        self.optimizer = torch.optim.AdamW(_parameter_groups(self.model, learning_rate))
        self._scaler = torch.amp.GradScaler(enabled=self.device.type == "cuda")
        self._threads = 1 if self.device.type == "cuda" else threads_of(group)
        self._pool = ThreadPoolExecutor(self._threads, "training")

    def step(self, parts: Sequence[Part], rate_factor: float) -> StepLosses:
        """One update from all parts of this process's share of the batch."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["base_lr"] * rate_factor
        if self.device.type == "cuda":
            parts = [Part(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))]
        gradients = [torch.zeros_like(p) for p in self._parameters]
        sums = torch.zeros(3, device=self.device)
        for told, found in self._pool.map(self._gradients, parts):
            # In the order of the parts: the sum does not depend on which thread was first.
            torch._foreach_add_(gradients, list(found))
            sums += told
        return self._apply(gradients, sums)

    def _gradients(self, part: Part) -> tuple[Tensor, Sequence[Tensor]]:
        first = torch.from_numpy(part.first).to(self.device).contiguous(memory_format=torch.channels_last)
        labels, boxes = torch.from_numpy(part.labels).to(self.device), torch.from_numpy(part.boxes).to(self.device)
        with torch.autocast("cuda", torch.float16) if self.device.type == "cuda" else nullcontext():
            logits, distances = self.model(first)
        classification, localization, positives = sum_losses(logits.float(), distances.float(), labels, boxes, self._centres)
        gradients = torch.autograd.grad(self._scaler.scale(classification + localization), self._parameters, allow_unused=True)
        present = [torch.zeros_like(p) if g is None else g for p, g in zip(self._parameters, gradients, strict=True)]
        return torch.stack([classification.detach(), localization.detach(), positives]), present

    def _apply(self, gradients: list[Tensor], sums: Tensor) -> StepLosses:
        if self.group.world_size > 1:
            flat = torch.cat([*(g.flatten() for g in gradients), sums])
            torch.distributed.all_reduce(flat)
            sums = flat[-len(sums) :]
            split = torch.split(flat[: -len(sums)], [g.numel() for g in gradients])
            gradients = [f.view_as(g) for f, g in zip(split, gradients, strict=True)]
        count = sums[2].clamp(min=1.0)
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            parameter.grad = gradient / count
        self._scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self._parameters, LARGEST_GRADIENT, foreach=True)
        self._scaler.step(self.optimizer)
        self._scaler.update()
        return StepLosses(*(float(value) for value in (sums[:2] / count).cpu()))

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown(cancel_futures=True)

    def arrays(self) -> dict[str, Floats]:
        """Under the names of networks.detector.Detector, float32."""
        state = self.model.state_dict().items()
        return {name: value.detach().cpu().numpy().copy() for name, value in state if value.is_floating_point()}

    def load(self, arrays: Arrays) -> None:
        """Those that are given; the others stay."""
        own = self.model.state_dict()
        given = {name: torch.from_numpy(np.array(value)) for name, value in arrays.items() if name in own}
        self.model.load_state_dict({**own, **given})

    def moments(self) -> dict[str, Floats]:
        """AdamW's state."""
        return moments_of(self.model, self.optimizer)

    def load_moments(self, moments: Arrays) -> None:
        """The reverse of moments."""
        load_moments(self.model, self.optimizer, moments)


class MovingAverage:
    """Of the trained weights; the fixed ones are taken as they are."""

    def __init__(self, network: DetectorTraining, decay: float, start: Arrays | None = None) -> None:
        self._network, self._decay = network, decay
        self._values = {name: p.detach().clone() for name, p in network.model.named_parameters()}
        for name, value in (start or {}).items():
            if name in self._values:
                self._values[name] = torch.from_numpy(np.array(value)).to(network.device)

    @torch.no_grad()
    def update(self, step: int) -> None:
        """After step number `step`; the first steps count more."""
        decay = min(self._decay, (1 + step) / (10 + step))
        named = dict(self._network.model.named_parameters())
        torch._foreach_mul_(list(self._values.values()), decay)
        torch._foreach_add_(list(self._values.values()), [named[name] for name in self._values], alpha=1 - decay)

    def arrays(self) -> dict[str, Floats]:
        """As DetectorTraining.arrays."""
        return self._network.arrays() | {name: value.cpu().numpy().copy() for name, value in self._values.items()}


def fresh_weights(plan: DetectorPlan, backbone: Arrays, seed: int) -> dict[str, Floats]:
    """Of an untrained detector: ImageNet's blocks, a random head."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        state = Detector(plan).state_dict()
    own = {name: value.numpy() for name, value in state.items() if value.is_floating_point()}
    return {name: np.asarray(backbone.get(name, value)) for name, value in own.items()}


def sum_losses(logits: Tensor, distances: Tensor, labels: Tensor, boxes: Tensor, centres: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """As assignment.losses, which see: sums over all points of (B, P, K), (B, P, 4), (B, P), (B, P, 4); and the number of positives."""
    picture, point = (labels >= 0).nonzero(as_tuple=True)
    near, reach = centres[point], distances[picture, point]
    predicted = torch.cat([near - reach[:, :2], near + reach[:, 2:]], dim=1)
    overlap, generalised = _giou(predicted, boxes[picture, point])
    target = torch.zeros_like(logits)
    target[picture, point, labels[picture, point]] = overlap.detach().clamp(LEAST_QUALITY, 1.0)
    scores = logits.detach().sigmoid()
    weight = torch.where(target > 0, (target - scores).abs() + 0.25, NEGATIVE_WEIGHT * scores.square())
    weight = weight * (labels != IGNORED).unsqueeze(2)
    classification = functional.binary_cross_entropy_with_logits(logits, target, weight=weight, reduction="sum")
    localization = LOCALIZATION_WEIGHT * (1 - generalised).sum()
    return classification, localization, torch.tensor(float(len(point)), device=logits.device)


def _giou(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    common = (torch.minimum(one[:, 2:], other[:, 2:]) - torch.maximum(one[:, :2], other[:, :2])).clamp(min=0).prod(1)
    union = (one[:, 2:] - one[:, :2]).clamp(min=0).prod(1) + (other[:, 2:] - other[:, :2]).prod(1) - common + 1e-6
    around = (torch.maximum(one[:, 2:], other[:, 2:]) - torch.minimum(one[:, :2], other[:, :2])).prod(1) + 1e-6
    overlap = common / union
    return overlap, overlap - (around - union) / around


def _parameter_groups(model: Detector, rate: float) -> list[dict[str, Any]]:
    """Backbone and head, each with its kernels (that decay) and its norms, scales and biases (that do not)."""
    backbone = {id(p) for p in model.blocks.parameters()}
    groups = []
    for is_backbone in (True, False):
        own = [p for p in model.parameters() if (id(p) in backbone) == is_backbone]
        base = rate * (BACKBONE_FACTOR if is_backbone else 1.0)
        groups.append({"params": [p for p in own if p.ndim > 1], "lr": base, "base_lr": base, "weight_decay": WEIGHT_DECAY})
        groups.append({"params": [p for p in own if p.ndim <= 1], "lr": base, "base_lr": base, "weight_decay": 0.0})
    return groups
