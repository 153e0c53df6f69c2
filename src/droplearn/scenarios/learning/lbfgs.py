"""Limited-memory BFGS for smooth convex functions.

Source: Nocedal and Wright, "Numerical Optimization", 2nd edition, algorithm 7.4 (two-loop recursion), with backtracking to the Armijo
condition.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from droplearn.scenarios.learning.arrays import Floats

Objective = Callable[[Floats], tuple[float, Floats]]
_MEMORY, _ARMIJO, _SHORTEST_STEP = 10, 1e-4, 1e-6


def minimise(objective: Objective, start: Floats, max_iterations: int = 200, tolerance: float = 1e-5) -> Floats:
    """The point where the largest part of the gradient is at most `tolerance`, or the last one reached. `objective` gives value and
    gradient.
    """
    point = start
    value, gradient = objective(point)
    pairs: deque[tuple[Floats, Floats, float]] = deque(maxlen=_MEMORY)
    for _ in range(max_iterations):
        if np.abs(gradient).max() <= tolerance:
            break
        direction = -_apply_inverse_hessian(gradient, pairs)
        step = 1.0 if pairs else min(1.0, 1.0 / float(np.abs(gradient).sum()))
        slope = float(gradient @ direction)
        while True:
            new_point = point + step * direction
            new_value, new_gradient = objective(new_point)
            if new_value <= value + _ARMIJO * step * slope or step < _SHORTEST_STEP:
                break
            step /= 2
        if new_value >= value:
            break
        moved, turned = new_point - point, new_gradient - gradient
        curvature = float(moved @ turned)
        if curvature > 1e-12:
            pairs.append((moved, turned, curvature))
        point, value, gradient = new_point, new_value, new_gradient
    return point


def _apply_inverse_hessian(gradient: Floats, pairs: deque[tuple[Floats, Floats, float]]) -> Floats:
    result = gradient.copy()
    shares = []
    for moved, turned, curvature in reversed(pairs):
        share = float(moved @ result) / curvature
        shares.append(share)
        result -= share * turned
    if pairs:
        _, turned, curvature = pairs[-1]
        result *= curvature / float(turned @ turned)
    for (moved, turned, curvature), share in zip(pairs, reversed(shares), strict=True):
        result += (share - float(turned @ result) / curvature) * moved
    return result
