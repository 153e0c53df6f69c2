"""Projects, datasets, tasks, models as the control plane's tests begin with them."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

from chalicelib.domain.dataset import Dataset
from chalicelib.domain.evaluation import Evaluation
from chalicelib.domain.example import Example, Replacement, contribution, total
from chalicelib.domain.model import Model
from chalicelib.domain.project import Project
from chalicelib.domain.task import Task
from chalicelib.service.tasks import TaskOrder, create_task
from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.evaluation import EvaluationReport
from droplearn.contracts.model import ModelFile, ModelManifest, TensorSpec
from droplearn.contracts.s3_layout import best_model_manifest_key, best_model_prefix, evaluation_prefix
from droplearn.contracts.status import EvaluationStatus
from droplearn.contracts.training import TaskSettings
from tests.fakes import FakePlatform

PROJECT, DATASET = "zoo", "animals"


def a_platform(counts: dict[str, int] | None = None) -> FakePlatform:
    """One project with one dataset of so many examples per label."""
    platform = FakePlatform()
    platform.projects.add(Project(name=PROJECT, scenario="image_classification", created_at="2026-01-01T00:00:00.000Z"))
    platform.datasets.add(Dataset(project=PROJECT, name=DATASET, created_at="2026-01-01T00:00:00.000Z"))
    fill(platform, {"cat": 10, "dog": 10} if counts is None else counts)
    return platform


def fill(platform: FakePlatform, counts: dict[str, int]) -> None:
    examples = [
        Example(f"{label}/{n}.jpg", ExampleStatus.LABELLED, "0001", f"{label}{n}", 7, label)
        for label, count in counts.items()
        for n in range(count)
    ]
    for start in range(0, len(examples), 50):
        changes = [Replacement(None, e) for e in examples[start : start + 50]]
        platform.examples.write(PROJECT, DATASET, changes, total(contribution(c.new) for c in changes), platform.now())


def a_task(platform: FakePlatform, status: str = "CREATED", **fields: Any) -> Task:
    settings = fields.pop("settings", TaskSettings())
    task = create_task(platform, TaskOrder(project=PROJECT, dataset=DATASET, settings=settings))
    platform.tasks.put(replace(task, status=status, **fields))
    return platform.tasks.get(task.id)


def a_model(platform: FakePlatform, **fields: Any) -> Model:
    given: dict[str, Any] = {
        "id": "model-" + "0" * 26,
        "project": PROJECT,
        "number": 1,
        "task": "task-" + "0" * 26,
        "scenario": "image_classification",
        "dataset": DATASET,
        "dataset_version": "v-0123456789abcdef",
        "preset": "high_performance",
        "created_at": "2026-01-01T00:00:00.000Z",
        "artifact_uri": "s3://artifacts/tasks/t/output/j/output/model.tar.gz",
        "labels": ["cat", "dog"],
        "stop_reason": "converged",
        "metrics": {"valid_top1_accuracy": 0.9},
        "metrics_protocol": "validation",
    }
    model = Model(**(given | fields))
    platform.models.put(model)
    return model


def write_manifest(platform: FakePlatform, task: Task, stop_reason: str = "converged") -> None:
    manifest = ModelManifest(
        model_id="model-x",
        task_id=task.id,
        scenario=task.scenario,
        preset="high_performance",
        dataset_version="v-0123456789abcdef",
        code_version="0.1.0",
        created_at="2026-01-01T00:00:00Z",
        labels=["cat", "dog"],
        inputs=[],
        outputs=[],
        files=[],
        metrics={"valid_top1_accuracy": 0.9},
        metrics_protocol="validation",
        stop_reason=stop_reason,
        is_final=True,
        warnings=["few examples"],
    )
    platform.artifacts.write(best_model_manifest_key(task.id), manifest.to_json().encode())


def write_network(platform: FakePlatform, model: Model, network: bytes = b"onnx") -> ModelManifest:
    """The files of a model of pictures as its checkpoints hold them."""
    manifest = ModelManifest(
        model_id=model.id,
        task_id=model.task,
        scenario=model.scenario,
        preset=model.preset,
        dataset_version=model.dataset_version,
        code_version="0.1.0",
        created_at=model.created_at,
        labels=model.labels,
        inputs=[TensorSpec(name="image", dtype="uint8", shape=[-1, 224, 224, 3], axes="NHWC")],
        outputs=[TensorSpec(name="probabilities", dtype="float32", shape=[-1, len(model.labels)], axes="NC")],
        files=[
            ModelFile(name="model.onnx", role="network", size_bytes=len(network), sha256=sha256(network).hexdigest()),
            ModelFile(name="held_out.jsonl", role="held_out_predictions", size_bytes=1, sha256="0"),
        ],
        metrics=model.metrics,
        metrics_protocol="validation",
        stop_reason="converged",
        is_final=True,
        preprocessing={"size": 224, "crop_fraction": 0.875},
        warnings=["few examples"],
    )
    platform.artifacts.write(best_model_manifest_key(model.task), manifest.to_json().encode())
    platform.artifacts.write(best_model_prefix(model.task) + "model.onnx", network)
    return manifest


def an_evaluation(platform: FakePlatform, id_: str, *, metrics: dict[str, float], dataset_version: str = "v-1") -> Evaluation:
    """One that has succeeded, with a report of 200 examples."""
    evaluation = Evaluation(
        id=id_,
        project=PROJECT,
        model="model-x",
        status=EvaluationStatus.SUCCEEDED.value,
        created_at="2026-01-01T00:00:00Z",
        updated_at="2026-01-01T00:00:00Z",
        dataset_version=dataset_version,
    )
    platform.evaluations.add(evaluation)
    report = EvaluationReport(
        evaluation_id=id_,
        model_id="model-x",
        scenario="image_classification",
        dataset_version=dataset_version,
        protocol="test_split",
        created_at="2026-01-01T00:00:00Z",
        example_count=200,
        duration_s=1.0,
        metrics=metrics,
    )
    platform.artifacts.write(f"{evaluation_prefix(id_)}report/report.json", report.to_json().encode())
    return evaluation
