"""Assembles the Chalice project with the shared wheel's sources and the dependencies, and runs `chalice package`.

Chalice would build a deployment package of its own from requirements.txt, slowly and from the network; with everything in vendor/ and
no requirements it only zips. The zip is written anew with fixed times, so that the same sources give the same bytes.
"""

import compileall
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path

from twin.packaging.dependencies import REQUIREMENTS, InstallFailed, cache_folder, install_dependencies, keep_first, partial_of
from twin.settings import REGION

_SOURCES = ("functions", "src/droplearn", "infra", "statemachines")
_IGNORED = ("__pycache__", "*.pyc", "vendor", "deployed", "deployments", "requirements.txt")
_EPOCH = (1980, 1, 1, 0, 0, 0)
_KEPT_PACKAGES = 5
_KEPT_S = 24 * 3600
_CODE = "code"
_VERSION = "4"


class PackagingFailed(Exception):
    """A tool failed; the text is what it said."""


def package(project: Path, out: Path | None = None) -> Path:
    """The packaged template `sam.yaml`, with `deployment.zip` and the state machines beside it.

    Packages are cached by the hash of the sources; `out` gets a copy when it is given. Several processes may package at once: each builds
    beside the cache, and the first to end fills it.

    Raises:
        PackagingFailed: pip or Chalice failed.
    """
    source_hash = hash_of_sources(project)
    cached = cache_folder() / "packages" / source_hash
    if not cached.exists():
        partial = partial_of(cached)
        _build(project, partial)
        keep_first(partial, cached)
        _forget_old_packages(cached.parent)
    os.utime(cached)
    if out is None:
        return cached / "package" / "sam.yaml"
    _copy_package(cached, out)
    return out / "sam.yaml"


def unpacked_code(template_file: Path) -> Path | None:
    """What is in the deployment.zip beside a cached template, with bytecode; None: the template is a copy."""
    folder = template_file.parent.parent / _CODE
    return folder if folder.exists() else None


def hash_of_sources(project: Path) -> str:
    """A hash of everything that the package depends on."""
    total = hashlib.sha256("\n".join((_VERSION, *REQUIREMENTS)).encode())
    for path in [project / "locks" / "constraints.txt", *_files(project)]:
        if path.exists():
            total.update(path.relative_to(project).as_posix().encode() + b"\0")
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:32]


def _files(project: Path) -> Iterable[Path]:
    ignored = {"__pycache__", "vendor", "deployed", "deployments", ".mypy_cache", ".ruff_cache"}
    for source in _SOURCES:
        for path in sorted((project / source).rglob("*")):
            if path.is_file() and path.suffix != ".pyc" and not ignored & set(path.relative_to(project).parts):
                yield path


def _build(project: Path, target: Path) -> None:
    try:
        dependencies = install_dependencies(project)
    except InstallFailed as error:
        raise PackagingFailed(str(error)) from None
    with tempfile.TemporaryDirectory() as work:
        root = Path(work)
        functions = root / "functions"
        shutil.copytree(project / "functions", functions, ignore=shutil.ignore_patterns(*_IGNORED))
        (functions / "requirements.txt").write_text("")
        shutil.copytree(dependencies, functions / "vendor")
        shutil.copytree(project / "src" / "droplearn", functions / "vendor" / "droplearn", ignore=shutil.ignore_patterns(*_IGNORED))
        for folder in ("infra", "statemachines"):
            if (project / folder).exists():
                shutil.copytree(project / folder, root / folder, ignore=shutil.ignore_patterns(*_IGNORED))
        out = root / "package"
        _run_chalice(functions, root / "infra" / "template.yaml", out)
        _rewrite_zip(out / "deployment.zip")
        target.mkdir(parents=True)
        for name in ("package", "statemachines"):  # DefinitionUri is ../statemachines/..., relative to the template
            if (root / name).exists():
                shutil.copytree(root / name, target / name)
    with zipfile.ZipFile(target / "package" / "deployment.zip") as archive:
        archive.extractall(target / _CODE)
    compileall.compile_dir(target / _CODE, quiet=2)


def _run_chalice(functions: Path, template: Path, out: Path) -> None:
    command = [sys.executable, "-c", "from chalice.cli import main; main()", "package", "--merge-template", str(template), str(out)]
    environment = os.environ | {"AWS_DEFAULT_REGION": REGION, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore"}
    environment["PYTHONPATH"] = str(functions / "vendor")  # Chalice imports the app
    done = subprocess.run(command, cwd=functions, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackagingFailed(f"chalice: {(done.stderr or done.stdout).strip()}")


def _rewrite_zip(path: Path) -> None:
    """The same entries in order, without the times of this build, and without bytecode."""
    with zipfile.ZipFile(path) as old:
        entries = {info.filename: old.read(info) for info in old.infolist() if not info.filename.endswith((".pyc", "/"))}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as new:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, entries[name])


def _copy_package(cached: Path, out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(cached / "package", out)
    beside = out.parent / "statemachines"
    shutil.rmtree(beside, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        shutil.copytree(cached / "statemachines", beside)


def _forget_old_packages(folder: Path) -> None:
    """Those of the last day may be in use."""
    ages = {}
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process named its package
            ages[path] = time.time() - path.stat().st_mtime
    for path in sorted(ages, key=ages.__getitem__)[_KEPT_PACKAGES:]:
        if ages[path] > _KEPT_S:
            shutil.rmtree(path, ignore_errors=True)
