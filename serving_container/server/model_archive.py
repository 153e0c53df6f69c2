"""A model.tar.gz behind a link -> the model folder. Bounded: what is too large is refused before it fills the disk."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO

from server.errors import InvalidModel

MIB = 1024 * 1024
_TIMEOUT_S = 20.0
_BLOCK = MIB


def fetch_model(url: str, room: Path | None = None) -> Path:
    """The folder, whose files are still to be verified against the manifest. What an earlier call left goes first.

    Raises InvalidModel (`model.missing`, `model.too_large`, `model.unusable`).
    """
    place = (room or Path(tempfile.gettempdir())) / "model"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    archive = place / "model.tar.gz"
    most_bytes = int(os.environ.get("SERVER_MAX_MODEL_MB", "1024")) * MIB
    try:
        _download(url, archive, most_bytes)
        return unpack(archive, place / "files", most_bytes)
    finally:
        archive.unlink(missing_ok=True)


def _download(url: str, target: Path, most_bytes: int) -> None:
    if not url.startswith(("https://", "http://")):
        raise InvalidModel("model.missing", "The link to the model is none.", hint="Try again.")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as reply, target.open("wb") as file:  # noqa: S310 (checked above)
            for block in _blocks(reply, most_bytes):
                file.write(block)
    except (urllib.error.URLError, OSError) as error:
        raise InvalidModel("model.missing", f"The model cannot be fetched: {error}", hint="Is its archive still there?") from error


def _blocks(reply: IO[bytes], most_bytes: int) -> Iterator[bytes]:
    size = 0
    while block := reply.read(_BLOCK):
        size += len(block)
        if size > most_bytes:
            raise _too_large(most_bytes)
        yield block


def unpack(archive: Path, folder: Path, most_bytes: int, step: Callable[[], AbstractContextManager[None]] = nullcontext) -> Path:
    """The folder. Each file is written within a `step`. Raises InvalidModel (`model.too_large`, `model.unusable`) and what a step does."""
    size = 0
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                size += member.size
                if size > most_bytes:
                    raise _too_large(most_bytes)
                with step():
                    tar.extract(member, folder, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InvalidModel("model.unusable", f"The model's archive cannot be read: {error}", hint="Train the model again.") from error
    return folder


def _too_large(most_bytes: int) -> InvalidModel:
    return InvalidModel("model.too_large", f"The model is larger than {most_bytes // MIB} MB.", hint="Deploy it as a service.")
