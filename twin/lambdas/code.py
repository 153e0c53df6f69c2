"""Unpacks a function's zip once for each content, into a folder that all of its environments share."""

import io
import shutil
import zipfile
from pathlib import Path
from threading import Lock
from uuid import uuid4

_lock = Lock()


def unpack(code: bytes, code_sha256: str, root: Path) -> Path:
    """The folder that holds the unpacked code. Python writes its bytecode there, so that the second cold start is quick."""
    name = code_sha256.replace("/", "_").replace("+", "-").rstrip("=")[:32]
    target = root / name
    with _lock:
        if not target.exists():
            partial = root / f"{name}.{uuid4().hex}"
            partial.mkdir(parents=True)
            with zipfile.ZipFile(io.BytesIO(code)) as archive:
                archive.extractall(partial)
            partial.rename(target)
    return target


def keep_only(root: Path, names: set[str]) -> None:
    """Remove the code of earlier deployments."""
    for folder in root.glob("*"):
        if folder.name not in names:
            shutil.rmtree(folder, ignore_errors=True)
