"""Temperature scaling: one number that makes probabilities mean what they say. Source: Guo et al., "On Calibration of Modern Neural
Networks", 2017.
"""

from __future__ import annotations

import numpy as np

from droplearn.scenarios.learning.arrays import Floats, Integers, log_softmax

LOWEST, HIGHEST = 0.05, 20.0


def fit_temperature(logits: Floats, y: Integers) -> float:
    """The temperature in [0.05, 20] with the least log loss on (N, K) logits that were made without seeing y.

    Targets are softened by 1 / (N + 2), so that a few examples that are all right do not claim certainty.
    Source: Platt, "Probabilistic Outputs for Support Vector Machines", 1999, section 2.2.
    """
    count, labels = logits.shape
    targets = np.full((count, labels), 1 / (count + 2) / labels)
    targets[np.arange(count), y] += 1 - 1 / (count + 2)
    low, high = np.log(LOWEST), np.log(HIGHEST)
    golden = (np.sqrt(5) - 1) / 2

    def loss(log_temperature: float) -> float:
        return -float((targets * log_softmax(logits / np.exp(log_temperature))).sum())

    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = loss(left), loss(right)
    while high - low > 1e-3:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = loss(right)
    return float(np.exp((low + high) / 2))


def scaled_log_loss(logits: Floats, y: Integers, temperature: float) -> float:
    """Mean of -log(probability of the true label), in nats."""
    return -float(log_softmax(logits / temperature)[np.arange(len(y)), y].mean())
