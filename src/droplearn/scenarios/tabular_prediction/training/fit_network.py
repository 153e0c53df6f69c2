"""Fits the small network on one fold, in torch; what it learnt is saved as plain arrays.

AdamW, early stopping on the held-out rows, and the moving average of the weights where it is better. Source: see network_model.py.
"""

from __future__ import annotations

import copy
import itertools
from time import monotonic
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from droplearn.scenarios.tabular_prediction.members.expansion import Expansion
from droplearn.scenarios.tabular_prediction.members.network_model import NetworkModel
from droplearn.scenarios.tabular_prediction.training.fitting import Abandoned, Fitted, FoldData, Recipe
from droplearn.scenarios.tabular_prediction.training.problem import Problem

HEADS, DEPTH = 8, 2
MAX_EPOCHS, PATIENCE = 200, 16
LEAST_EPOCHS = 20
"""Where not even so many fit into the time, one is enough to be passed over."""
MAX_ROWS = 200_000


class ManyInOne(nn.Module):
    """HEADS networks that share their matrices; each scales the inputs and outputs of every layer its own way."""

    def __init__(self, inputs: int, width: int, outputs: int, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        sizes = [inputs, *[width] * DEPTH]
        self.dropout = dropout
        self.weights, self.scales_in, self.scales_out, self.biases = (nn.ParameterList() for _ in range(4))
        for size, following in itertools.pairwise(sizes):
            bound = size**-0.5
            self.weights.append(nn.Parameter((torch.rand(size, following, generator=generator) * 2 - 1) * bound * 1.7))
            signs = (torch.randint(0, 2, (HEADS, 1, size), generator=generator) * 2 - 1).float()
            self.scales_in.append(nn.Parameter(signs if size == inputs else torch.ones(HEADS, 1, size)))
            self.scales_out.append(nn.Parameter(torch.ones(HEADS, 1, following)))
            self.biases.append(nn.Parameter((torch.rand(HEADS, 1, following, generator=generator) * 2 - 1) * bound))
        self.head = nn.Parameter((torch.rand(HEADS, width, outputs, generator=generator) * 2 - 1) * width**-0.5)
        self.head_bias = nn.Parameter(torch.zeros(HEADS, 1, outputs))

    def forward(self, rows: Tensor) -> Tensor:
        """(N, F) to (HEADS, N, outputs)."""
        hidden = rows[None]
        for weight, scale_in, scale_out, bias in zip(self.weights, self.scales_in, self.scales_out, self.biases, strict=True):
            hidden = torch.relu((hidden * scale_in) @ weight * scale_out + bias)
            hidden = nn.functional.dropout(hidden, self.dropout, self.training)
        return hidden @ self.head + self.head_bias

    def arrays(self) -> dict[str, Any]:
        """As NetworkModel wants them."""
        told: dict[str, Any] = {"head": _array(self.head), "head_bias": _array(self.head_bias)[:, 0]}
        for i in range(DEPTH):
            told |= {f"weight_{i}": _array(self.weights[i]), f"scale_in_{i}": _array(self.scales_in[i])[:, 0]}
            told |= {f"scale_out_{i}": _array(self.scales_out[i])[:, 0], f"bias_{i}": _array(self.biases[i])[:, 0]}
        return told


def fit_network(recipe: Recipe, data: FoldData) -> Fitted:
    """As Fit."""
    torch.set_num_threads(data.threads)
    started = monotonic()
    end = started + data.time_limit_s
    kept = data.kept
    if len(kept) > MAX_ROWS:
        kept = np.sort(np.random.default_rng(data.seed).permutation(kept)[:MAX_ROWS])
    settings = _settings(len(kept)) | dict(recipe.parameters)
    expansion = Expansion.of(data.features.take(kept), settings["bins"])
    rows = torch.from_numpy(expansion.expand(data.features.take(kept)))
    y = torch.from_numpy(data.problem.y[kept].astype(np.int64 if data.problem.is_classification else np.float32))
    generator = torch.Generator().manual_seed(data.seed)
    network = ManyInOne(rows.shape[1], settings["width"], data.problem.width, settings["dropout"], generator)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings["learning_rate"], weight_decay=settings["weight_decay"])
    held_out = data.features.take(data.held_out)
    best: Fitted | None = None
    best_loss, since = np.inf, 0
    average = copy.deepcopy(network)
    for epoch in range(MAX_EPOCHS):
        _epoch(network, average, optimizer, rows, y, settings["batch"], generator, data)
        model = NetworkModel(average.arrays() | expansion.arrays(), data.problem.label_count)
        predictions = model.predict(held_out)
        loss = _stopping_loss(data, predictions)
        since += 1
        if loss < best_loss:
            best, best_loss, since = Fitted(model, predictions, epoch + 1), loss, 0
        if since >= PATIENCE or monotonic() > end or (epoch == 0 and monotonic() - started > data.time_limit_s / LEAST_EPOCHS):
            break
    if best is None:
        raise Abandoned
    return best


def _settings(rows: int) -> dict[str, Any]:
    """Small tables: narrower, more held back."""
    if rows < 3000:
        return {"width": 64, "bins": 8, "dropout": 0.25, "weight_decay": 0.1, "learning_rate": 2e-3, "batch": 128 if rows > 1000 else 64}
    return {"width": 128, "bins": 32, "dropout": 0.1, "weight_decay": 0.02, "learning_rate": 2e-3, "batch": 256 if rows < 50_000 else 1024}


def _epoch(
    network: ManyInOne,
    average: ManyInOne,
    optimizer: torch.optim.Optimizer,
    rows: Tensor,
    y: Tensor,
    batch: int,
    generator: torch.Generator,
    data: FoldData,
) -> None:
    order = torch.randperm(len(rows), generator=generator)
    for places in torch.split(order, batch):
        if data.must_end():
            raise Abandoned
        optimizer.zero_grad(set_to_none=True)
        _loss(network(rows[places]), y[places], data.problem).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            for kept, new in zip(average.parameters(), network.parameters(), strict=True):
                kept.lerp_(new, 0.01)


def _loss(raw: Tensor, y: Tensor, problem: Problem) -> Tensor:
    """raw: (HEADS, N, K): each head learns by itself."""
    if problem.is_classification:
        return nn.functional.cross_entropy(raw.flatten(0, 1), y.repeat(len(raw)))
    errors = raw[..., 0] - y
    return errors.abs().mean() if problem.metric == "mae" else errors.square().mean()


def _stopping_loss(data: FoldData, predictions: Any) -> float:
    """Smooth: ranks and shares of right answers jump."""
    if data.problem.is_classification:
        y = data.problem.y[data.held_out].astype(np.int64)
        return float(-np.log(np.maximum(predictions[np.arange(len(y)), y], 1e-12)).mean())
    return data.problem.loss(predictions, data.held_out)


def _array(parameter: Tensor) -> Any:
    return parameter.detach().numpy().astype(np.float32).copy()
