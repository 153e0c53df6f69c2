"""What an optimisation is asked, and what it reports: smaller and faster variants of a model, each measured beside the model itself.

A variant is a model of its own (`<name>/model.tar.gz` beside `optimisation.json`): whoever loads a model can load it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from droplearn.contracts.document import Document, Part

VariantName = Literal["int8", "fp16"]
AS_TRAINED = "fp32"
"""The model itself: what is served unless another variant is asked for."""

OptimisationProtocol = Literal["test_split", "held_out_validation", "training_examples"]
"""On what the metric is measured. `training_examples`: nothing was held out; the fall still tells, the metric itself does not."""

REPORT_FILE = "optimisation.json"


class OptimisationRequest(Document):
    """`request.json` of the processing job. Paths are those of examples in the dataset version."""

    task_id: str
    model_id: str
    scenario: str
    dataset_version: str
    variants: list[VariantName]
    tolerance: float = Field(ge=0, le=1)
    """How far the metric may fall; 0.01 is one point."""
    max_runtime_s: int
    protocol: OptimisationProtocol
    calibration: list[str]
    """Examples from which value ranges are taken: none that the metric is measured on, where there are others."""
    held_out: list[str]
    """Examples that the metric is measured on."""
    code_version: str


class Measured(Part):
    """Of one network. The latency is the median of one run on one thread, measured in turn with the others."""

    size_bytes: int = Field(ge=0)
    latency_ms: float
    metric: float
    memory_mb: float | None = Field(default=None, ge=0)
    """Most that a process needed to load and to run it, beyond one that has only imported ONNX Runtime. None: not measured."""


class VariantReport(Part):
    """What came of one variant. `reason` says in words why it was published or kept aside."""

    name: VariantName
    is_published: bool
    reason: str
    measured: Measured | None = None
    """None when it could not be made or not be measured in time."""
    fall: float | None = None
    """How much worse the metric is than the model's; negative: better."""
    largest_difference: float | None = None
    """Of any output number to the model's, over the calibration examples."""
    float_nodes: int = 0
    """Nodes that stayed in float32 because quantising them did harm."""


class OptimisationReport(Document):
    """`optimisation.json`."""

    model_id: str
    scenario: str
    dataset_version: str
    created_at: str
    metric: str
    """The scenario's primary metric."""
    tolerance: float
    protocol: OptimisationProtocol
    example_count: int
    calibration_count: int
    baseline: Measured
    variants: list[VariantReport]
    duration_s: float
    warnings: list[str] = Field(default_factory=list)
