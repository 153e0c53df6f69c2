"""Third-party wheels of the Lambda functions, for Lambda's platform, at the locked versions; cached by the hash of what selects them."""

import hashlib
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

REQUIREMENTS = ("aws-lambda-powertools", "pydantic", "pyyaml", "segno")  # boto3 is in Lambda's runtime
PLATFORM = ("--platform", "manylinux2014_x86_64", "--python-version", "3.11", "--implementation", "cp", "--only-binary=:all:")
_KEPT_OUT = ("__pycache__", "bin", "*.dist-info/direct_url.json", "*.dist-info/RECORD", "*.dist-info/REQUESTED")
_VERSION = "1"


class InstallFailed(Exception):
    """pip could not install the dependencies."""


def cache_folder() -> Path:
    """Where built things are kept between runs: DROPLEARN_CACHE or ~/.cache/droplearn."""
    return Path(os.environ.get("DROPLEARN_CACHE", str(Path.home() / ".cache" / "droplearn")))


def install_dependencies(project: Path) -> Path:
    """The folder with the installed dependencies.

    Raises:
        InstallFailed: with pip's words.
    """
    constraints = project / "locks" / "constraints.txt"
    locked = constraints.read_bytes() if constraints.exists() else b""
    selection = "\n".join((_VERSION, *REQUIREMENTS, *PLATFORM)).encode() + locked
    folder = cache_folder() / f"lambda-dependencies-{hashlib.sha256(selection).hexdigest()[:16]}"
    if not folder.exists():
        partial = partial_of(folder)
        _pip_install(partial, constraints if locked else None)
        strip(partial)
        keep_first(partial, folder)
    return folder


def partial_of(folder: Path) -> Path:
    """A name beside it that no other process uses."""
    return folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")


def keep_first(partial: Path, folder: Path) -> None:
    """Name the built folder, unless another process was first: the same sources give the same bytes."""
    try:
        partial.rename(folder)
    except OSError:
        if not folder.exists():
            raise
        shutil.rmtree(partial)


def _pip_install(target: Path, constraints: Path | None) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--target", str(target), *PLATFORM, *(["-c", str(constraints)] if constraints else []), *REQUIREMENTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallFailed(done.stderr.strip())


def strip(folder: Path) -> None:
    """Remove what differs between two builds of the same thing, and what no function needs."""
    for pattern in _KEPT_OUT:
        for path in list(folder.rglob(pattern)) if pattern == "__pycache__" else list(folder.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
