"""The ModelManifest: `model.json` beside the model's files, all that a server, an evaluator or a person must know of them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from droplearn.contracts.document import Document, Part

StopReason = Literal["converged", "epochs_done", "expected_accuracy", "max_runtime", "stop_requested", "enough_already"]


class ModelFile(Part):
    """A file of the model. `role`: `network` (ONNX), `weights`, `held_out_predictions`, ..."""

    name: str
    role: str
    size_bytes: int = Field(ge=0)
    sha256: str


class TensorSpec(Part):
    """An input or output of the network. -1 in `shape`: any (the batch)."""

    name: str
    dtype: str
    shape: list[int]
    axes: str
    """One letter an axis: `NHWC`, `NC`."""


class Candidate(Part):
    """A model that was considered, and its validation scores."""

    name: str
    metrics: dict[str, float]
    is_chosen: bool = False
    reason: str = ""


class BaseModelComparison(Part):
    """The old labels' accuracy before and after incremental training, on examples of the old version that neither model learnt from."""

    model_id: str
    metric: str = "top1_accuracy"
    """What is compared."""
    example_count: int
    accuracy_before: float
    accuracy_after: float
    has_fallen: bool
    """More than one point and more than one example worse."""


class ModelManifest(Document):
    """`model.json`."""

    model_id: str
    task_id: str
    scenario: str
    preset: str
    dataset_version: str
    code_version: str
    created_at: str
    labels: list[str]
    inputs: list[TensorSpec]
    outputs: list[TensorSpec]
    files: list[ModelFile]
    metrics: dict[str, float]
    """Validation or held-out metrics of the chosen model: `valid_top1_accuracy`, `valid_loss`, ..."""
    metrics_protocol: Literal["validation", "cross_validation", "test_split"]
    stop_reason: StopReason
    is_final: bool
    """False in a checkpoint of a training that goes on."""
    candidates: list[Candidate] = Field(default_factory=list)
    history: list[dict[str, Any]] = Field(default_factory=list)
    """The metric lines so far, as printed."""
    preprocessing: dict[str, Any] = Field(default_factory=dict)
    """What the scenario's server needs beside the tensor specs (`resize_short_side`, ...)."""
    temperature: float = 1.0
    base_model: BaseModelComparison | None = None
    warnings: list[str] = Field(default_factory=list)
    training_seconds: float = 0.0
    seed: int = 0
    variant: str = "fp32"
    """`fp32`: as trained; else what optimisation made of it."""

    @property
    def served_size_bytes(self) -> int:
        """Of the files that a server loads. Beside a network, weights are for further training only."""
        has_network = any(file.role == "network" for file in self.files)
        left_out = {"held_out_predictions", "weights"} if has_network else {"held_out_predictions"}
        return sum(file.size_bytes for file in self.files if file.role not in left_out)
