"""What the training job of a task is given: freezes the dataset, checks it, and names channels, limits and places."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.job_limits import GRACE_S
from chalicelib.domain.task import Task
from chalicelib.domain.times import text_of
from chalicelib.ports import Platform
from chalicelib.service.column_check import check_columns
from chalicelib.service.finding import find_model, find_task
from chalicelib.service.freezing import IMAGES, freeze
from droplearn import __version__
from droplearn.contracts import training as contract
from droplearn.contracts.errors import Conflict
from droplearn.contracts.ids import new_id
from droplearn.contracts.s3_layout import checkpoints_prefix, training_output_prefix, version_prefix
from droplearn.contracts.training import TaskSettings, TrainingRequest
from droplearn.scenarios import scenario_named
from droplearn.scenarios.scenario import ScenarioSpec

MAX_HYPER_PARAMETER = 2500
"""Characters. Source: Amazon SageMaker API Reference, CreateTrainingJob, HyperParameters."""
START_S = 3600
"""An instance may take so long to come."""


def plan_training(platform: Platform, task_id: str, attempt: int, try_number: int) -> dict[str, Any]:
    """Raises InvalidDataset and InvalidRequest (shown with the task word for word), Conflict (`task.superseded`)."""
    task = find_task(platform, task_id)
    if task.attempt != attempt or task.state.is_terminal:
        raise Conflict("task.superseded", f"Attempt {attempt} of the task is over.")
    settings = TaskSettings.model_validate(task.settings)
    now = text_of(platform.now())
    version = freeze(
        platform.examples,
        platform.artifacts,
        project=task.project,
        dataset=task.dataset,
        settings=settings,
        scenario=task.scenario,
        now=now,
    )
    scenario = scenario_named(task.scenario)
    warnings = scenario.check(version)
    check_columns(platform, version, settings)
    platform.tasks.change(task.id, {"dataset_version": version.version_id, "warnings": warnings}, only_if={"attempt": [attempt]})
    base = _base_model(platform, settings)
    return {
        "try": try_number,
        "job": f"{task.id}-a{attempt}-t{try_number}",
        "request": _request(task, settings, version.version_id, base),
        "channels": _channels(platform, version.version_id, base),
        "image_suffix": scenario.spec.image_suffix,
        "metric_definitions": _metric_definitions(scenario.spec),
        "output_uri": platform.artifacts.uri(training_output_prefix(task.id)),
        "checkpoints_uri": platform.artifacts.uri(checkpoints_prefix(task.id)),
        "instance_type": settings.resources.instance_type,
        "instance_count": settings.resources.instance_count,
        "volume_size_gb": settings.resources.volume_size_gb,
        "max_runtime_s": settings.max_runtime_s + GRACE_S,
        "timeout_s": settings.max_runtime_s + GRACE_S + START_S,
        "evaluation_id": new_id("eval"),
        "is_deployed_when_done": task.is_deployed_when_done,
    }


def _metric_definitions(spec: ScenarioSpec) -> list[dict[str, str]]:
    """How SageMaker finds the metrics in the log. At most 40. Source: Amazon SageMaker API Reference, AlgorithmSpecification."""
    names = ["train_loss", "valid_loss", *(f"valid_{metric}" for metric in spec.metrics)]
    return [{"Name": name, "Regex": f'"{name}": ([-+0-9.eE]+)'} for name in names]


def _base_model(platform: Platform, settings: TaskSettings) -> contract.BaseModelRef | None:
    if settings.base_model is None:
        return None
    model = find_model(platform, settings.base_model)
    return contract.BaseModelRef(model_id=model.id, dataset_version=model.dataset_version)


def _request(task: Task, settings: TaskSettings, version_id: str, base: contract.BaseModelRef | None) -> str:
    """The version holds the selected labels only, so that a selection too long for a hyper-parameter can be left out."""
    request = TrainingRequest(
        task_id=task.id, scenario=task.scenario, dataset_version=version_id, settings=settings, base_model=base, code_version=__version__
    )
    if len(request.to_json()) > MAX_HYPER_PARAMETER:
        request = request.model_copy(update={"settings": settings.model_copy(update={"labels": None})})
    return request.to_json()


def _channels(platform: Platform, version_id: str, base: contract.BaseModelRef | None) -> list[dict[str, Any]]:
    """Several instances read the same files: each holds all of them (FullyReplicated) and takes its share of every batch."""
    uri = platform.artifacts.uri
    channels = [
        _channel(contract.CHANNEL_DATASET, "S3Prefix", uri(version_prefix(version_id))),
        _channel(contract.CHANNEL_IMAGES, "ManifestFile", uri(version_prefix(version_id) + IMAGES)),
    ]
    if base is not None:
        model = find_model(platform, base.model_id)
        channels += [
            _channel(contract.CHANNEL_BASE_MODEL, "S3Prefix", model.artifact_uri),
            _channel(contract.CHANNEL_BASE_DATASET, "S3Prefix", uri(version_prefix(base.dataset_version))),
            _channel(contract.CHANNEL_BASE_IMAGES, "ManifestFile", uri(version_prefix(base.dataset_version) + IMAGES)),
        ]
    return channels


def _channel(name: str, kind: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": kind, "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}
