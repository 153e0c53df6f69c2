"""What the processing job of an evaluation is given, and what its report says in short."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.domain.evaluation import Evaluation
from chalicelib.domain.job_limits import EVALUATION_RUNTIME_S
from chalicelib.domain.model import Model
from chalicelib.domain.times import text_of
from chalicelib.ports import Platform
from chalicelib.service.finding import find_evaluation, find_model, find_open_project
from chalicelib.service.freezing import EXAMPLES, IMAGES, freeze, manifest_lines, read_version
from chalicelib.service.settling import RUNNING_EVALUATIONS
from droplearn import __version__
from droplearn.contracts.dataset import DatasetVersion
from droplearn.contracts.errors import InternalError, InvalidDataset
from droplearn.contracts.evaluation import EvaluationReport, EvaluationRequest, EvaluationSummary
from droplearn.contracts.s3_layout import evaluation_inputs_prefix, evaluation_prefix, version_prefix
from droplearn.contracts.status import EvaluationStatus
from droplearn.contracts.training import TaskSettings
from droplearn.scenarios import scenario_named

BASE = "/opt/ml/processing"
"""Where processing containers find their files. Source: Amazon SageMaker Developer Guide, "Build your own processing container"."""


def plan_evaluation(platform: Platform, evaluation_id: str) -> dict[str, Any]:
    """Raises InvalidDataset (`dataset.empty`, `dataset.changed`), NotFound (`project.unknown`), Conflict (`project.being_deleted`)."""
    evaluation = find_evaluation(platform, evaluation_id)
    model = find_model(platform, evaluation.model)
    version = _version(platform, evaluation, model)
    source = _source(evaluation, version)
    platform.evaluations.change(evaluation.id, {"dataset_version": version.version_id, "source": source})
    prefix, spec = evaluation_prefix(evaluation.id), scenario_named(model.scenario).spec
    request = EvaluationRequest(
        evaluation_id=evaluation.id,
        model_id=model.id,
        scenario=model.scenario,
        dataset_version=version.version_id,
        source=source,
        code_version=__version__,
    )
    platform.artifacts.write(f"{prefix}request/request.json", request.to_json().encode())
    return {
        "job": evaluation.execution_name,
        "inputs": _inputs(platform, evaluation, model, version, source),
        "report_uri": platform.artifacts.uri(f"{prefix}report"),
        "image_suffix": spec.image_suffix,
        "instance_type": spec.default_training_instance,
        "max_runtime_s": EVALUATION_RUNTIME_S,
        "timeout_s": EVALUATION_RUNTIME_S + 3600,
    }


def _version(platform: Platform, evaluation: Evaluation, model: Model) -> DatasetVersion:
    """The model's own version, or the dataset that a person chose, frozen now. It may be another project's, whose deletion does not ask
    who looks: what is frozen while it goes would be a part.
    """
    if evaluation.dataset is None:
        return read_version(platform.artifacts, model.dataset_version)
    project = evaluation.dataset_project or evaluation.project
    version = freeze(
        platform.examples,
        platform.artifacts,
        project=project,
        dataset=evaluation.dataset,
        settings=TaskSettings(),
        scenario=model.scenario,
        now=text_of(platform.now()),
    )
    find_open_project(platform, project)
    if not version.split_counts:
        raise InvalidDataset(
            "dataset.empty", f"Dataset {evaluation.dataset!r} has no labelled examples.", hint="Drop labelled examples first."
        )
    return version


def _source(evaluation: Evaluation, version: DatasetVersion) -> str:
    if evaluation.dataset is not None:
        return "all_examples"
    return "test_split" if version.split_counts.get("test", 0) else "held_out"


def _inputs(platform: Platform, evaluation: Evaluation, model: Model, version: DatasetVersion, source: str) -> list[dict[str, Any]]:
    uri, files = platform.artifacts.uri, version_prefix(version.version_id)
    inputs = [
        processing_input("request", "S3Prefix", uri(f"{evaluation_prefix(evaluation.id)}request/")),
        processing_input("model", "S3Prefix", model.artifact_uri),
        processing_input("dataset", "S3Prefix", uri(files)),
    ]
    if source == "all_examples":
        inputs.append(processing_input("images", "ManifestFile", uri(files + IMAGES)))
    if source == "test_split":
        inputs.append(processing_input("images", "ManifestFile", uri(_test_manifest(platform, evaluation, version))))
    return inputs


def _test_manifest(platform: Platform, evaluation: Evaluation, version: DatasetVersion) -> str:
    """Only the examples that are looked at are downloaded."""
    lines = map(json.loads, platform.artifacts.lines(version_prefix(version.version_id) + EXAMPLES))
    key = evaluation_inputs_prefix(evaluation.id) + IMAGES
    paths = [*(line["path"] for line in lines if line["split"] == "test"), *version.annotation_files]
    platform.artifacts.write(key, "".join(manifest_lines(version.source_uri, paths)).encode())
    return key


def processing_input(name: str, kind: str, uri: str) -> dict[str, Any]:
    """One of `ProcessingInputs`, below BASE. Source: Amazon SageMaker API Reference, ProcessingS3Input."""
    place = {
        "S3Uri": uri,
        "LocalPath": f"{BASE}/input/{name}",
        "S3DataType": kind,
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
        "S3CompressionType": "None",
    }
    return {"InputName": name, "S3Input": place}


def record_evaluation(platform: Platform, evaluation_id: str) -> dict[str, Any]:
    """The report's essentials go to the evaluation, its model and, when the task asked for it, its task."""
    evaluation = find_evaluation(platform, evaluation_id)
    key = f"{evaluation_prefix(evaluation_id)}report/report.json"
    body = platform.artifacts.read(key)
    if body is None:
        raise InternalError("evaluation.no_report", "The evaluation ended without a report.", hint="See the log of the processing job.")
    report = EvaluationReport.from_json(body)
    summary = EvaluationSummary(
        protocol=report.protocol,
        example_count=report.example_count,
        bad_case_count=report.bad_case_count,
        skipped_count=report.skipped_count,
        duration_s=report.duration_s,
        model_size_bytes=report.model_size_bytes,
        metrics=report.metrics,
        report_key=key,
    )
    now = text_of(platform.now())
    changes = {
        "status": EvaluationStatus.SUCCEEDED.value,
        "summary": summary.model_dump(mode="json"),
        "warnings": report.warnings,
        "updated_at": now,
        "ended_at": now,
    }
    platform.evaluations.change(evaluation_id, changes, only_if={"status": RUNNING_EVALUATIONS})
    if evaluation.task is not None:
        shown = {"evaluation": evaluation.id, "evaluation_protocol": report.protocol, "evaluation_metrics": report.metrics}
        platform.models.change(evaluation.model, shown)
        platform.tasks.change(evaluation.task, {"metrics": report.metrics}, only_if={"evaluation": [evaluation.id]})
    return {"evaluation_id": evaluation_id, "metrics": report.metrics}
