"""onnxruntime-web for the previews: two files of the npm package, at a pinned version and digest. No npm is needed.

The registry is the one that npm is configured for, where there is npm, or NPM_CONFIG_REGISTRY; else the standard one.
"""

import base64
import contextlib
import gzip
import hashlib
import os
import shutil
import subprocess
import tarfile
import urllib.request
import uuid
from io import BytesIO
from pathlib import Path

from droplearn.contracts.s3_layout import BROWSER_RUNTIME_VERSION, browser_runtime_key
from twin.packaging.dependencies import cache_folder

SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""Of the whole package, as the registry tells it (`npm view onnxruntime-web@VERSION dist.integrity`)."""
FILES = {"onnxruntime.js": "package/dist/ort.wasm.bundle.min.mjs", "onnxruntime.wasm": "package/dist/ort-wasm-simd-threaded.wasm"}
TYPES = {".js": "text/javascript", ".wasm": "application/wasm"}
_STANDARD_REGISTRY = "https://registry.npmjs.org/"
_TIMEOUT_S = 20


class NoRuntime(Exception):
    """It could not be fetched, or is not what it should be."""


def browser_runtime() -> dict[str, Path]:
    """Key in the artifact bucket -> gzipped file; fetched once and kept.

    Raises:
        NoRuntime: no network, or another digest.
    """
    folder = cache_folder() / f"onnxruntime-web-{BROWSER_RUNTIME_VERSION}"
    if not folder.exists():
        package, partial = _package(), folder.with_name(f"{folder.name}.{uuid.uuid4().hex}")
        partial.mkdir(parents=True)
        _unpack(package, partial)
        with contextlib.suppress(OSError):  # another process was first
            partial.rename(folder)
        shutil.rmtree(partial, ignore_errors=True)
    return {browser_runtime_key(name): folder / name for name in FILES}


def _package() -> bytes:
    url = f"{_registry().rstrip('/')}/onnxruntime-web/-/onnxruntime-web-{BROWSER_RUNTIME_VERSION}.tgz"
    if not url.startswith("https://") and not url.startswith("http://"):
        raise NoRuntime(f"{url} is no web address")
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as reply:  # noqa: S310 (looked at above)
            body: bytes = reply.read()
    except OSError as error:
        raise NoRuntime(f"{url}: {error}") from None
    if base64.b64encode(hashlib.sha512(body).digest()).decode() != SHA512:
        raise NoRuntime(f"{url} is not the package that was pinned")
    return body


def _registry() -> str:
    given = os.environ.get("NPM_CONFIG_REGISTRY")
    if given or not shutil.which("npm"):
        return given or _STANDARD_REGISTRY
    done = subprocess.run(["npm", "config", "get", "registry"], capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    told = done.stdout.strip()
    return told if done.returncode == 0 and told.startswith("http") else _STANDARD_REGISTRY


def _unpack(package: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=BytesIO(package), mode="r:gz") as archive:
        for name, member in FILES.items():
            content = archive.extractfile(member)
            if content is None:
                raise NoRuntime(f"the package has no {member}")
            (folder / name).write_bytes(gzip.compress(content.read(), 9, mtime=0))
