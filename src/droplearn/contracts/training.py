"""What a task asks for, and what its training job is given and tells.

TaskSettings: what a user types (API, droplearn.yaml, CLI). TrainingRequest: the one hyper-parameter `request` of the training job.
MetricLine, StageLine: stdout of the trainer. Failure: first line of /opt/ml/output/failure.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from droplearn.contracts.document import Document, Part
from droplearn.contracts.optimisation import VariantName

MIN_MAX_RUNTIME_S = 60
DEFAULT_MAX_RUNTIME_S = 3600
MAX_MAX_RUNTIME_S = 5 * 24 * 3600
"""SageMaker allows 28 days after a quota request, 5 days by default. Source: Amazon SageMaker AI endpoints and quotas."""

CHANNEL_DATASET, CHANNEL_IMAGES = "dataset", "images"
CHANNEL_BASE_MODEL, CHANNEL_BASE_DATASET, CHANNEL_BASE_IMAGES = "base_model", "base_dataset", "base_images"

Preset = Literal["high_performance", "high_accuracy"]
OptionName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
OptionValue = bool | float | Annotated[str, Field(max_length=1000)]


class Resources(Part):
    """Where the training runs (C-10, C-12)."""

    instance_type: Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")] = "ml.m5.xlarge"
    instance_count: Annotated[int, Field(ge=1, le=20)] = 1
    volume_size_gb: Annotated[int, Field(ge=1, le=16384)] = 30


class HyperParameters(Part):
    """Custom values; None means: the recipe decides (C-8)."""

    epochs: Annotated[int, Field(ge=1, le=1000)] | None = None
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    batch_size: Annotated[int, Field(ge=1, le=4096)] | None = None
    warmup_epochs: Annotated[float, Field(ge=0, le=100)] | None = None


class Optimisation(Part):
    """Smaller and faster variants to be made of the trained model (C-9); none by default."""

    variants: Annotated[list[VariantName], Field(max_length=2, json_schema_extra={"uniqueItems": True})] = Field(default_factory=list)
    tolerance: Annotated[float, Field(ge=0, le=0.5)] = 0.01
    """A variant is published unless the metric falls by more; 0.01 is one point."""
    max_runtime_s: Annotated[int, Field(ge=60, le=6 * 3600)] = 1800
    """Of this stage alone. The model is kept, whatever becomes of it."""

    @model_validator(mode="after")
    def _variants_differ(self) -> Optimisation:
        if len(set(self.variants)) < len(self.variants):
            raise ValueError("variants: each may be named once")
        return self


class TaskSettings(Part):
    """Everything a user may choose about a training task."""

    preset: Preset = "high_performance"
    max_runtime_s: Annotated[int, Field(ge=MIN_MAX_RUNTIME_S, le=MAX_MAX_RUNTIME_S)] = DEFAULT_MAX_RUNTIME_S
    expected_accuracy: Annotated[float, Field(gt=0, le=1)] | None = None
    hyper_parameters: HyperParameters = HyperParameters()
    labels: Annotated[list[str], Field(min_length=1, json_schema_extra={"uniqueItems": True})] | None = None
    """Train on these labels only (C-12); None: all."""
    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    test_fraction: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    base_model: str | None = None
    """Id of the model to continue from (C-2, C-14)."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    options: Annotated[dict[OptionName, OptionValue], Field(max_length=20, json_schema_extra={"additionalProperties": False})] = Field(
        default_factory=dict
    )
    """What only this scenario asks (`target`, `metric`, ...); the registry says which there are."""
    resources: Resources = Resources()
    optimise: Optimisation = Optimisation()

    @model_validator(mode="after")
    def _labels_differ(self) -> TaskSettings:
        if self.labels is not None and len(set(self.labels)) < len(self.labels):
            raise ValueError("labels: each may be named once")
        return self


class BaseModelRef(Part):
    """The model to continue from, and the version that it learnt from (channels base_model, base_dataset, base_images)."""

    model_id: str
    dataset_version: str


class TrainingRequest(Document):
    """All that a training job must know beside its files."""

    task_id: str
    scenario: str
    dataset_version: str
    settings: TaskSettings
    base_model: BaseModelRef | None = None
    code_version: str


class MetricLine(Part):
    """One line of stdout per epoch or stage. Metrics are extra keys beside these (`train_loss`, `valid_top1_accuracy`, ...)."""

    event: Literal["metric"] = "metric"
    stage: str
    epoch: int
    epochs: int
    """The number of epochs planned; with a time limit an estimate."""
    elapsed_s: float
    metrics: dict[str, float]

    def to_line(self) -> str:
        """`{"event":"metric","stage":..,"epoch":..,"epochs":..,"elapsed_s":..,"train_loss":..}`."""
        import json

        head = self.model_dump(exclude={"metrics"})
        return json.dumps(head | {k: round(v, 6) for k, v in self.metrics.items()})

    @classmethod
    def from_dict(cls, line: dict[str, Any]) -> MetricLine:
        """The reverse of to_line, parsed."""
        head = {k: line[k] for k in ("event", "stage", "epoch", "epochs", "elapsed_s")}
        metrics = {k: float(v) for k, v in line.items() if k not in head and isinstance(v, (int, float))}
        return cls(**head, metrics=metrics)


class ProgressLine(Part):
    """Between metrics: where a long stage stands. `{"event":"progress","stage":..,"done":..,"total":..,"message":..}`."""

    event: Literal["progress"] = "progress"
    stage: str
    done: int
    total: int
    message: str = ""


class Failure(Part):
    """First line of /opt/ml/output/failure; SageMaker cuts FailureReason at 1,024 characters."""

    code: str
    message: str
    hint: str = ""
