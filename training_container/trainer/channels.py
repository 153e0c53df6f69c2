"""Reads what a job is given: requests, dataset versions, models. Every fault is a DropLearnError that names the file."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import TypeVar

from droplearn.contracts.dataset import DatasetVersion, VersionExample
from droplearn.contracts.document import Document
from droplearn.contracts.errors import DropLearnError, InternalError
from droplearn.contracts.model import ModelManifest
from droplearn.contracts.training import TrainingRequest
from droplearn.scenarios.learning import ExampleSource


def training_request(hyper_parameters: Path) -> TrainingRequest:
    """The one hyper-parameter `request`: JSON, as a string."""
    try:
        value = json.loads(hyper_parameters.read_text("utf-8"))["request"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InternalError("training.no_request", f"{hyper_parameters.name} holds no hyper-parameter `request`: {error}") from error
    return TrainingRequest.from_json(value if isinstance(value, str) else json.dumps(value))


def example_source(dataset: Path, images: Path) -> ExampleSource:
    """version.json and examples.jsonl of the dataset channel; the objects of the images channel."""
    version = read_document(DatasetVersion, dataset / "version.json")
    try:
        lines = (dataset / "examples.jsonl").read_text("utf-8").splitlines()
        examples = [VersionExample.model_validate_json(line) for line in lines if line]
    except (OSError, ValueError) as error:
        raise InternalError("training.bad_channel", f"examples.jsonl of {version.version_id} cannot be read: {error}") from error
    return ExampleSource(version, examples, images)


def model_folder(channel: Path, scratch: Path) -> Path:
    """The folder with model.json: the channel itself, or the contents of its model.tar.gz, laid out in `scratch`."""
    if (channel / "model.json").exists():
        return channel
    archives = sorted(channel.rglob("model.tar.gz"))
    if not archives:
        raise InternalError("training.bad_channel", f"The channel {channel.name} holds neither model.json nor model.tar.gz.")
    scratch.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archives[-1]) as archive:
        archive.extractall(scratch, filter="data")
    return scratch


def model_manifest(folder: Path) -> ModelManifest:
    """model.json of a model's folder."""
    return read_document(ModelManifest, folder / "model.json")


D = TypeVar("D", bound=Document)


def read_document(kind: type[D], file: Path) -> D:
    """Raises InternalError: these files are ours."""
    try:
        return kind.from_json(file.read_bytes())
    except OSError as error:
        raise InternalError("training.bad_channel", f"{file.name} is missing: {error.strerror}") from error
    except DropLearnError as error:
        raise InternalError("training.bad_channel", f"{file.name}: {error.message}") from error
