"""Fakes of what the harness gives a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from droplearn.contracts.dataset import DatasetVersion, HealthReport, VersionExample
from droplearn.contracts.model import ModelManifest, TensorSpec
from droplearn.contracts.training import TaskSettings, TrainingRequest
from droplearn.scenarios.learning import ExampleSource, ModelDraft, StoppedEarly, TrainingContext


class FakeDeadline:
    """`remaining` seconds, until `reason` is set."""

    def __init__(self, remaining: float = 1000.0, reason: Any = None) -> None:
        self.remaining, self.reason = remaining, reason

    def elapsed_s(self) -> float:
        return 1.0

    def remaining_s(self) -> float:
        return self.remaining

    def interruption(self) -> Any:
        return self.reason

    def check(self) -> None:
        if self.reason:
            raise StoppedEarly(self.reason)


class FakeLog:
    """Keeps everything."""

    def __init__(self) -> None:
        self.history: list[dict[str, Any]] = []
        self.notes: list[str] = []

    def metric(self, stage: str, epoch: int, epochs: int, metrics: Mapping[str, float]) -> None:
        self.history.append({"stage": stage, "epoch": epoch, "epochs": epochs, **metrics})

    def progress(self, stage: str, done: int, total: int, message: str = "") -> None:
        pass

    def note(self, message: str) -> None:
        self.notes.append(message)


class FakeStore:
    """Keeps drafts and reports."""

    def __init__(self) -> None:
        self.saved: list[tuple[ModelDraft, bool]] = []
        self.health: HealthReport | None = None

    @property
    def has_model(self) -> bool:
        return bool(self.saved)

    def save(self, draft: ModelDraft, *, is_final: bool) -> None:
        self.saved.append((draft, is_final))

    def save_health(self, report: HealthReport) -> None:
        self.health = report


def version_of(examples: list[VersionExample], version_id: str = "v-1") -> DatasetVersion:
    labels = [e.label for e in examples if e.label]
    return DatasetVersion(
        version_id=version_id,
        project="p",
        dataset="d",
        scenario="image_classification",
        source_uri="s3://data/p/d/",
        created_at="2026-01-01T00:00:00Z",
        labels=sorted(set(labels)),
        label_counts={label: labels.count(label) for label in sorted(set(labels))},
        split_counts={},
    )


def example(path: str, split: str = "train", etag: str | None = None) -> VersionExample:
    return VersionExample(path=path, label=path.split("/")[0], split=split, etag=etag or f"e-{path}", size_bytes=1)


def request_of(**settings: Any) -> TrainingRequest:
    return TrainingRequest(
        task_id="task-01a",
        scenario="image_classification",
        dataset_version="v-1",
        settings=TaskSettings(**settings),
        code_version="test",
    )


def context_of(examples: list[VersionExample], folder: Path, base: Any = None, **settings: Any) -> TrainingContext:
    return TrainingContext(
        request=request_of(**settings),
        source=ExampleSource(version_of(examples), examples, folder),
        base=base,
        deadline=FakeDeadline(),
        log=FakeLog(),
        store=FakeStore(),
        checkpoints=folder,
    )


def manifest_of(labels: list[str], **changes: Any) -> ModelManifest:
    told: dict[str, Any] = {
        "model_id": "model-01base",
        "task_id": "task-01a",
        "scenario": "image_classification",
        "preset": "high_performance",
        "dataset_version": "v-1",
        "code_version": "test",
        "created_at": "2026-01-01T00:00:00Z",
        "labels": labels,
        "inputs": [TensorSpec(name="image", dtype="uint8", shape=[-1, 224, 224, 3], axes="NHWC")],
        "outputs": [TensorSpec(name="probabilities", dtype="float32", shape=[-1, len(labels)], axes="NC")],
        "files": [],
        "metrics": {},
        "metrics_protocol": "cross_validation",
        "stop_reason": "enough_already",
        "is_final": True,
    }
    return ModelManifest(**told | changes)
