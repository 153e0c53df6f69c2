"""What the server asks of a scenario, and all it knows of one.

A scenario's `serving` module has `load(model_dir, manifest) -> Predictor`. The server owns HTTP, limits, threads and the network's
session; the predictor owns what the bytes mean and what the numbers mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from droplearn.contracts.model import ModelManifest

Tensor = NDArray[Any]


class UndecodableInput(ValueError):
    """The bytes are not what the scenario takes. The server answers 1002."""


class ModelInput(NamedTuple):
    """One decoded input: `tensors` by the network's input names, each with a batch of 1; `meta` goes into the answer as it is (V-3)."""

    tensors: dict[str, Tensor]
    meta: dict[str, Any]


class Predictor(Protocol):
    """Made once per process; its methods are called by several threads at once."""

    output_type: str
    """`type` of each output in the answer (`cv_common`)."""

    def decode(self, raw: bytes) -> ModelInput:
        """Raises UndecodableInput."""
        ...

    def answer(self, outputs: Sequence[Tensor], meta: Mapping[str, Any], options: Mapping[str, str]) -> list[dict[str, Any]]:
        """The `body` of one output. `outputs` in the manifest's order; `options` is the request's query.

        Raises:
            InvalidRequest: an option is out of bounds.
        """
        ...

    def example(self) -> ModelInput:
        """An input for the warm-up run."""
        ...


class Answer(NamedTuple):
    """`body` of one output, and what goes into the reply's `meta`."""

    body: list[dict[str, Any]]
    meta: dict[str, Any]


@runtime_checkable
class PipelinePredictor(Protocol):
    """Where a model is more than one network: the predictor runs it itself. Called by several threads at once."""

    output_type: str

    def predict(self, raw: bytes, options: Mapping[str, str]) -> Answer:
        """Several rows in one input give several entries.

        Raises:
            UndecodableInput: the server answers 1002.
            InvalidRequest: 1001.
            ValueError: 2003.
        """
        ...

    def warm_up(self) -> None:
        """One made-up prediction; no caller should wait for it."""
        ...


LoadPredictor = Callable[[Path, ModelManifest], Predictor | PipelinePredictor]
"""`load` of a scenario's serving module. Raises InvalidRequest (`model.unusable`) when the manifest does not fit the scenario."""


def is_probability(values: NDArray[np.floating[Any]]) -> bool:
    """But for rounding, all within [0, 1], which nothing is that is not a number."""
    return bool(values.min() >= -1e-4 and values.max() <= 1 + 1e-4)
