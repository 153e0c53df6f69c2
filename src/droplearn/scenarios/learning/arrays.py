"""Array types, softmax, and arrays as bytes. Axes: N examples, D features, K labels."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]


def softmax(logits: Floats) -> Floats:
    """(N, K) to probabilities (N, K)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    normalised: Floats = powers / powers.sum(axis=1, keepdims=True)
    return normalised


def log_softmax(logits: Floats) -> Floats:
    """(N, K) to log probabilities (N, K)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logs


def npz_bytes(arrays: Mapping[str, Floats]) -> bytes:
    """The content of an .npz file."""
    written = io.BytesIO()
    np.savez(written, **{name: np.asarray(value) for name, value in arrays.items()})  # type: ignore[arg-type]
    return written.getvalue()
