"""Packs a model for use without droplearn, when somebody asks for it: nothing is stored, nor paid, for models that nobody exports.

The pack is kept some days (a lifecycle rule of the bucket), and found again by what it was made from.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Any, BinaryIO, Literal, NamedTuple

from chalicelib.domain.model import Model
from chalicelib.ports import Platform
from chalicelib.service.finding import find_model
from chalicelib.service.model_card import readme
from chalicelib.service.model_claims import claim_model, release_model
from chalicelib.service.model_files import files_gone, key_of, only_network, read_manifest
from droplearn.contracts.errors import UnsupportedScenario
from droplearn.contracts.ids import new_id
from droplearn.contracts.model import ModelFile, ModelManifest
from droplearn.contracts.s3_layout import export_key
from droplearn.contracts.triton import NAME, network_place, repository_files
from droplearn.scenarios import scenario_named

Form = Literal["onnx", "triton"]
VALID_FOR_S = 900
MOST_BYTES = 200_000_000
"""Of a network: an API call has 29 seconds."""
_FORM_VERSION = b"2"
"""Counts up when what is packed changes, `predict.py` too: exports are kept."""
_TIME = 315532800
"""1980-01-01: the same model gives the same bytes."""
_USE = {
    "onnx": "`python predict.py FILE ...`; the first line of predict.py says what it needs.",
    "triton": (
        "A model repository for Triton Inference Server, backend `onnxruntime`: `tritonserver --model-repository=FOLDER`. "
        "On SageMaker's Triton image the archive is the ModelDataUrl as it is; set `SAGEMAKER_TRITON_DEFAULT_MODEL_NAME=model`. "
        "The input is pixels or samples: predict.py of the form `onnx` shows how they are made."
    ),
}


class Export(NamedTuple):
    """A pack in the artifact bucket, and a URL to it."""

    form: Form
    file_name: str
    size_bytes: int
    url: str
    valid_for_s: int = VALID_FOR_S


class _Parts(NamedTuple):
    """What both forms are made of."""

    network: bytes
    manifest: ModelManifest
    example: bytes
    readme: bytes


def export_model(platform: Platform, model_id: str, form: Form) -> Export:
    """Raises NotFound (`model.unknown`, `model.deleted`, `model.gone`), UnsupportedScenario (`export.not_for_this_scenario`,
    `export.too_large`), Conflict (`model.being_deleted`), TransientError (`model.busy`).
    """
    model = find_model(platform, model_id)
    manifest = read_manifest(platform, model)
    network = _exportable(model, manifest)
    digest = sha256(_FORM_VERSION + manifest.to_json().encode() + repr(sorted((model.evaluation_metrics or {}).items())).encode())
    ending = {"onnx": "zip", "triton": "tar.gz"}[form]
    name = f"{model.id}-{form}.{ending}"
    key = export_key(model.id, f"{digest.hexdigest()[:16]}-{form}.{ending}")
    size = platform.artifacts.size(key)
    if size is None:
        size = _keep(platform, model, key, lambda: _contents(form, _parts(platform, model, manifest, network, form)), form)
    return Export(form, name, size, platform.links.to_artifact(key, VALID_FOR_S, name))


def _exportable(model: Model, manifest: ModelManifest) -> ModelFile:
    network, scenario = only_network(manifest), scenario_named(model.scenario)
    if network is None or scenario.standalone is None:
        raise UnsupportedScenario(
            "export.not_for_this_scenario",
            f"A model of {scenario.spec.title.lower()} is more than one network.",
            hint="Deploy it as a service, or run it over files as a batch job.",
        )
    if network.size_bytes > MOST_BYTES:
        raise UnsupportedScenario(
            "export.too_large", f"The network has {network.size_bytes:,} bytes.", hint="Fetch the model's archive from the bucket."
        )
    return network


def _parts(platform: Platform, model: Model, manifest: ModelManifest, network: ModelFile, form: Form) -> _Parts:
    body, scenario = platform.artifacts.read(key_of(model, network)), scenario_named(model.scenario)
    if body is None:
        raise files_gone(model)
    package, _, module = (scenario.standalone or "").rpartition(".")
    example = files(package).joinpath(f"{module}.py").read_bytes()
    return _Parts(body, manifest, example, readme(model, manifest, scenario.spec, _USE[form]).encode())


def _contents(form: Form, parts: _Parts) -> dict[str, bytes]:
    labels = json.dumps(parts.manifest.labels, ensure_ascii=False, indent=1).encode()
    beside = {"README.md": parts.readme, "predict.py": parts.example, "labels.json": labels}
    if form == "onnx":
        kept = [file.model_dump() for file in parts.manifest.files if file.role == "network"]
        about = parts.manifest.model_dump(mode="json", exclude_none=True, exclude={"history", "candidates"}) | {"files": kept}
        return beside | {"model.onnx": parts.network, "model.json": json.dumps(about, ensure_ascii=False, indent=1).encode()}
    return repository_files(parts.manifest) | {network_place(): parts.network, f"{NAME}/README.md": parts.readme}


def _keep(platform: Platform, model: Model, key: str, make: Callable[[], dict[str, bytes]], form: Form) -> int:
    """Not of a model that is being deleted."""
    subject = new_id("export")
    claim_model(platform, model.id, subject)
    try:
        return _pack(platform, key, make(), {"onnx": _zip, "triton": _tar}[form])
    finally:
        release_model(platform, model.id, subject)


def _pack(platform: Platform, key: str, contents: Mapping[str, bytes], write: Callable[[BinaryIO, Mapping[str, bytes]], None]) -> int:
    with tempfile.TemporaryFile() as file:
        write(file, contents)
        size = file.tell()
        file.seek(0)
        platform.artifacts.upload(key, file)
    return size


def _zip(file: BinaryIO, contents: Mapping[str, bytes]) -> None:
    """Weights are stored as they are: they hardly shrink."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, body in contents.items():
            info = zipfile.ZipInfo(f"model/{name}", (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_STORED if name.endswith(".onnx") else zipfile.ZIP_DEFLATED
            archive.writestr(info, body)
    file.seek(0, io.SEEK_END)


def _tar(file: BinaryIO, contents: Mapping[str, bytes]) -> None:
    with (
        gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for name, body in contents.items():
            info: Any = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(body), _TIME, 0o644
            archive.addfile(info, io.BytesIO(body))
    file.seek(0, io.SEEK_END)
