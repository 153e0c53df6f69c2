"""Multinomial logistic regression on features of a frozen network: standardised, balanced over labels, strength chosen by cross-
validation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers, log_softmax, softmax
from droplearn.scenarios.learning.calibration import fit_temperature, scaled_log_loss
from droplearn.scenarios.learning.lbfgs import minimise
from droplearn.scenarios.learning.metrics import classification_metrics

STRENGTHS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""C: the sum of losses weighs this much against half the squared weights."""
_MAX_BALANCE = 20.0
"""A rare label's examples count at most this many times an average one's."""
_MAX_SPAN = 2000


@dataclass(frozen=True)
class LinearHead:
    """logits = features @ weight.T + bias. weight: (K, D), bias: (K,), for features as the network gives them."""

    weight: Floats
    bias: Floats

    def logits(self, features: Floats) -> Floats:
        """(N, D) to (N, K)."""
        product: Floats = features @ self.weight.T + self.bias
        return product

    def log_loss(self, features: Floats, y: Integers) -> float:
        """The mean over (N, D) with the true labels (N,)."""
        return classification_metrics(y, softmax(self.logits(features)))["log_loss"]


@dataclass(frozen=True)
class CrossValidated:
    """A chosen strength and the logits that each example got from models which had not seen it."""

    strength: float
    logits: Floats
    temperature: float
    log_loss: float


@dataclass(frozen=True)
class Standardised:
    """Features moved to mean 0 and of like scale, then (fewer examples than features) turned into the span of the examples.

    A feature's scale is its deviation plus the median deviation: one that hardly varied in training may not decide on a new picture.
    The turn is exact: the best weights lie in that span. It makes small problems cheap; its own cost grows with the cube of the examples.
    """

    mean: Floats
    scale: Floats
    basis: Floats | None
    rows: Floats

    @classmethod
    def of(cls, features: Floats) -> Standardised:
        """features: (N, D)."""
        mean, deviation = features.mean(axis=0), features.std(axis=0)
        scale = deviation + max(float(np.median(deviation)), 1e-6)
        rows = ((features - mean) / scale).astype(np.float64 if len(features) <= 4096 else np.float32)
        if len(rows) >= min(rows.shape[1], _MAX_SPAN):
            return cls(mean, scale, None, rows)
        values, vectors = np.linalg.eigh(rows @ rows.T)
        kept = values > values[-1] * 1e-10
        basis = rows.T @ (vectors[:, kept] / np.sqrt(values[kept]))
        return cls(mean, scale, basis, rows @ basis)

    def head(self, parameters: Floats) -> LinearHead:
        """parameters: (K, R + 1), the bias last, on `rows`; to a head on the features themselves."""
        weight = parameters[:, :-1] if self.basis is None else parameters[:, :-1] @ self.basis.T
        weight = weight / self.scale
        bias = parameters[:, -1] - weight @ self.mean
        return LinearHead(weight.astype(np.float32), bias.astype(np.float32))


def fit_rows(
    rows: Floats, y: Integers, label_count: int, strength: float, check: Callable[[], None], start: Floats | None = None
) -> Floats:
    """Parameters (K, R + 1), the bias last and not held back. `check` is called at every step and may raise."""
    count, width = rows.shape
    targets = np.zeros((count, label_count), rows.dtype)
    targets[np.arange(count), y] = 1
    weights = balanced_weights(y, label_count).astype(rows.dtype)[:, None]

    def objective(flat: Floats) -> tuple[float, Floats]:
        check()
        parameters = flat.reshape(label_count, width + 1)
        logs = log_softmax(rows @ parameters[:, :-1].T + parameters[:, -1])
        error = (np.exp(logs) - targets) * weights / count
        held_back = parameters[:, :-1] / (strength * count)
        gradient = np.concatenate([error.T @ rows + held_back, error.sum(axis=0)[:, None]], axis=1)
        value = -float((logs * targets * weights).sum()) / count + 0.5 * float((held_back * parameters[:, :-1]).sum())
        return value, gradient.ravel()

    begin = np.zeros(label_count * (width + 1), rows.dtype) if start is None else start.ravel()
    return minimise(objective, begin).reshape(label_count, width + 1)


def balanced_weights(y: Integers, label_count: int) -> Floats:
    """One weight an example, mean 1: every label has the same sum (unless it is very rare)."""
    counts = np.bincount(y, minlength=label_count)
    weights = np.minimum(len(y) / (np.maximum(counts, 1) * max(1, int((counts > 0).sum()))), _MAX_BALANCE)[y]
    normalised: Floats = weights / weights.mean()
    return normalised


def cross_validate(
    data: Standardised,
    y: Integers,
    label_count: int,
    folds: Iterable[tuple[Integers, Integers]],
    check: Callable[[], None],
    strengths: Sequence[float] = STRENGTHS,
) -> CrossValidated:
    """Tries strengths upwards until the loss has risen twice. `check` may raise. Rows that no fold holds out are not scored."""
    pairs = list(folds)
    scored = np.unique(np.concatenate([held_out for _, held_out in pairs]))
    starts: list[Floats | None] = [None] * len(pairs)
    best: CrossValidated | None = None
    rises = 0
    for strength in strengths:
        logits = np.zeros((len(y), label_count), np.float32)
        for fold, (kept, held_out) in enumerate(pairs):
            parameters = fit_rows(data.rows[kept], y[kept], label_count, strength, check, starts[fold])
            starts[fold] = parameters
            logits[held_out] = data.rows[held_out] @ parameters[:, :-1].T + parameters[:, -1]
        temperature = fit_temperature(logits[scored], y[scored])
        loss = scaled_log_loss(logits[scored], y[scored], temperature)
        if best is None or loss < best.log_loss:
            best, rises = CrossValidated(strength, logits, temperature, loss), 0
        else:
            rises += 1
        if rises == 2:
            break
    if best is None:
        raise ValueError("no strength to try")
    return best
