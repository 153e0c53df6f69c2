"""What a scenario's `train` and `evaluate` are given, and what they give back. The harness (trainer) implements the protocols; tests use
fakes.

A scenario sees examples, bytes, a deadline, a log and a place to save; it knows neither /opt/ml nor S3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from droplearn.contracts.dataset import DatasetVersion, HealthReport, VersionExample
from droplearn.contracts.evaluation import BadCase, EvaluationCurves, EvaluationReport, EvaluationRequest
from droplearn.contracts.model import BaseModelComparison, Candidate, ModelManifest, StopReason, TensorSpec
from droplearn.contracts.training import TrainingRequest

Interruption = Literal["max_runtime", "stop_requested"]


class StoppedEarly(Exception):
    """Training has to end now. Whoever catches it saves what there is."""

    def __init__(self, reason: Interruption) -> None:
        super().__init__(reason)
        self.reason: Interruption = reason


class Deadline(Protocol):
    """Time since the process began, time that is left, and whether somebody asked to stop."""

    def elapsed_s(self) -> float:
        """Seconds since the process began."""
        ...

    def remaining_s(self) -> float:
        """Seconds until training must end, the export's reserve taken off; negative when it is late."""
        ...

    def interruption(self) -> Interruption | None:
        """Why training must end now, or None."""
        ...

    def check(self) -> None:
        """Raises StoppedEarly when training must end now."""
        ...


class TrainingLog(Protocol):
    """Metric and progress lines. `history`: the metric lines so far, as printed, those of an earlier attempt included."""

    history: list[dict[str, Any]]

    def metric(self, stage: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None:
        """One point of the live curves."""
        ...

    def progress(self, stage: str, done: int, total: int, message: str = "") -> None:
        """Where a long stage stands; may be dropped when it comes too often."""
        ...

    def note(self, message: str) -> None:
        """A sentence for whoever reads the log."""
        ...


@dataclass(frozen=True)
class DraftFile:
    """A file of a model that is about to be saved."""

    name: str
    role: str
    content: bytes


@dataclass(frozen=True)
class ModelDraft:
    """A model as the scenario hands it over; the harness adds ids, digests, times and history and writes it whole or not at all."""

    files: Sequence[DraftFile]
    labels: Sequence[str]
    inputs: Sequence[TensorSpec]
    outputs: Sequence[TensorSpec]
    metrics: Mapping[str, float]
    metrics_protocol: Literal["validation", "cross_validation", "test_split"]
    stop_reason: StopReason
    candidates: Sequence[Candidate] = ()
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    temperature: float = 1.0
    base_model: BaseModelComparison | None = None
    warnings: Sequence[str] = ()


class ModelStore(Protocol):
    """Where models and reports go."""

    @property
    def has_model(self) -> bool:
        """Whether a model is saved, also by an earlier attempt."""
        ...

    def save(self, draft: ModelDraft, *, is_final: bool) -> None:
        """From now on this is the model that a stop, a time-out or a crash leaves behind."""
        ...

    def save_health(self, report: HealthReport) -> None:
        """What the deep check found."""
        ...


@dataclass(frozen=True)
class ExampleSource:
    """A dataset version and the folder with its objects."""

    version: DatasetVersion
    examples: Sequence[VersionExample]
    folder: Path

    def read(self, path: str) -> bytes:
        """The object's bytes. Raises FileNotFoundError, also for a path that leaves the folder."""
        file = self.folder / path
        if ".." in Path(path).parts or Path(path).is_absolute() or not file.is_file():
            raise FileNotFoundError(path)
        return file.read_bytes()


@dataclass(frozen=True)
class BaseModelSource:
    """The model to continue from. `source` is None where its examples were not handed over: nothing can be rehearsed."""

    manifest: ModelManifest
    folder: Path
    source: ExampleSource | None


@dataclass(frozen=True)
class ProcessGroup:
    """This process among those that train together. Rank 0 alone saves and logs."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0

    @property
    def is_leader(self) -> bool:
        """Whether this process saves and logs."""
        return self.rank == 0


@dataclass(frozen=True)
class TrainingContext:
    """All that `train(context)` may use."""

    request: TrainingRequest
    source: ExampleSource
    base: BaseModelSource | None
    deadline: Deadline
    log: TrainingLog
    store: ModelStore
    checkpoints: Path
    """Survives a restart; belongs to the scenario but for `best/` and `health.json`."""
    group: ProcessGroup = ProcessGroup()


@dataclass(frozen=True)
class EvaluationContext:
    """All that `evaluate(context)` may use."""

    request: EvaluationRequest
    manifest: ModelManifest
    model_folder: Path
    source: ExampleSource
    log: TrainingLog


@dataclass(frozen=True)
class EvaluationResult:
    """The report, the columns of predictions.parquet (all of one length), and where they make sense curves and bad cases."""

    report: EvaluationReport
    predictions: Mapping[str, Any]
    curves: EvaluationCurves | None = None
    bad_cases: Sequence[BadCase] | None = None
