"""Writes a model into Triton's repository on disk, as contracts.triton describes it."""

from __future__ import annotations

import shutil
from pathlib import Path

from droplearn.contracts.model import ModelManifest
from droplearn.contracts.triton import Running, network_place, repository_files


def write_model(repository: Path, name: str, network: Path, manifest: ModelManifest, running: Running) -> None:
    """The network is copied: Triton reads it under the account that it runs as."""
    place = repository / network_place(name)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(network, place)
    if running.backend == "python":
        shutil.copyfile(Path(__file__).with_name("model.py"), place.with_name("model.py"))
    for path, content in repository_files(manifest, name, running).items():
        (repository / path).write_bytes(content)
