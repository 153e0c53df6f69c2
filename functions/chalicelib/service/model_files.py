"""The files of a model, each by itself, as its task's checkpoints hold them. The archive that SageMaker takes has the same."""

from __future__ import annotations

from chalicelib.domain.model import Model
from chalicelib.ports import Platform
from droplearn.contracts.errors import NotFound
from droplearn.contracts.model import ModelFile, ModelManifest
from droplearn.contracts.s3_layout import best_model_manifest_key, best_model_prefix

NETWORK = "network"


def read_manifest(platform: Platform, model: Model) -> ModelManifest:
    """Raises NotFound (`model.gone`)."""
    body = platform.artifacts.read(best_model_manifest_key(model.task))
    if body is None:
        raise files_gone(model)
    return ModelManifest.from_json(body)


def only_network(manifest: ModelManifest) -> ModelFile | None:
    """The ONNX file of a model that is one network; None: it is more than that, or none at all."""
    found = [file for file in manifest.files if file.role == NETWORK]
    return found[0] if len(found) == 1 else None


def key_of(model: Model, file: ModelFile) -> str:
    """In the artifact bucket."""
    return best_model_prefix(model.task) + file.name


def files_gone(model: Model) -> NotFound:
    """Nobody but a person removes them."""
    return NotFound("model.gone", f"The files of model {model.id} are no longer in the artifact bucket.", hint="Train it again.")
