"""The model folder: its manifest read, each of its files checked against the manifest before anything is made of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.model import ModelFile, ModelManifest
from droplearn.contracts.versions import VERSIONS_FILE, SharedVersions
from server.errors import InvalidModel

NETWORK_ROLE = "network"
_DEPLOY_AGAIN = "Deploy the model again; if that fails too, train it again."


def read_versions(model_dir: Path) -> SharedVersions | None:
    """None: the folder holds one model. Raises InvalidModel (`model.unusable`)."""
    path = model_dir / VERSIONS_FILE
    try:
        return SharedVersions.from_json(path.read_bytes()) if path.exists() else None
    except (OSError, InvalidRequest) as error:
        raise InvalidModel("model.unusable", f"{path}: {error}", hint=_DEPLOY_AGAIN) from error


def read_manifest(model_dir: Path) -> ModelManifest:
    """Raises InvalidModel (`model.missing`, `model.unusable`)."""
    path = model_dir / "model.json"
    try:
        return ModelManifest.from_json(path.read_bytes())
    except OSError as error:
        raise InvalidModel("model.missing", f"There is no readable {path}: {error.strerror}.", hint="Is it a droplearn model?") from error
    except InvalidRequest as error:
        raise InvalidModel("model.unusable", f"{path}: {error.message}", hint=_DEPLOY_AGAIN) from error


def verify_files(model_dir: Path, manifest: ModelManifest) -> None:
    """Raises InvalidModel (`model.corrupt_file`) for a file that is missing or not the one that was trained."""
    for file in manifest.files:
        path = _inside(model_dir, file.name)
        if not path.is_file():
            raise InvalidModel("model.corrupt_file", f"The model's file {file.name} is missing.", hint=_DEPLOY_AGAIN)
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != file.sha256:
            raise InvalidModel(
                "model.corrupt_file", f"{file.name} has sha256 {found[:12]}..., the manifest says {file.sha256[:12]}...", hint=_DEPLOY_AGAIN
            )


def network_path(model_dir: Path, manifest: ModelManifest) -> Path:
    """The one file with the role `network`. Raises InvalidModel (`model.unusable`)."""
    networks: list[ModelFile] = [file for file in manifest.files if file.role == NETWORK_ROLE]
    if len(networks) != 1:
        raise InvalidModel("model.unusable", f"The manifest names {len(networks)} network files instead of one.", hint=_DEPLOY_AGAIN)
    return _inside(model_dir, networks[0].name)


def _inside(model_dir: Path, name: str) -> Path:
    path = (model_dir / name).resolve()
    if not path.is_relative_to(model_dir.resolve()):
        raise InvalidModel("model.unusable", f"The manifest names a file outside the model's folder: {name}", hint=_DEPLOY_AGAIN)
    return path
