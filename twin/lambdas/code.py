"""Unpacks a function's zip once for each content, into a folder that all of its environments share."""

import hashlib
import io
import os
import shutil
import zipfile
from base64 import b64encode
from pathlib import Path
from threading import Lock
from uuid import uuid4

_lock = Lock()


def unpack(code: bytes, code_sha256: str, root: Path) -> Path:
    """The folder that holds the unpacked code. Python writes its bytecode there, so that the second cold start is quick."""
    target = root / _name(code_sha256)
    with _lock:
        if not target.exists():
            partial = _partial(target)
            partial.mkdir(parents=True)
            with zipfile.ZipFile(io.BytesIO(code)) as archive:
                archive.extractall(partial)
            partial.rename(target)
    return target


def place(archive: Path, unpacked: Path, root: Path) -> None:
    """Let `unpack` find a zip's content, unpacked elsewhere and with its bytecode: no second copy of it, where links are possible."""
    target = root / _name(b64encode(hashlib.sha256(archive.read_bytes()).digest()).decode())
    with _lock:
        if not target.exists():
            partial = _partial(target)
            shutil.copytree(unpacked, partial, copy_function=_link)
            partial.rename(target)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _name(code_sha256: str) -> str:
    return code_sha256.replace("/", "_").replace("+", "-").rstrip("=")[:32]


def _partial(target: Path) -> Path:
    return target.with_name(f"{target.name}.{uuid4().hex}")
