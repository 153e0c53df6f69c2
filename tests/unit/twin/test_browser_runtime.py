"""onnxruntime-web is taken from the registry that is configured, and only if it is the very package that was pinned."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from droplearn.contracts.s3_layout import BROWSER_RUNTIME_VERSION, browser_runtime_key
from twin.packaging import browser_runtime as module


def package() -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        for member in (*module.FILES.values(), "package/dist/other.js"):
            info = tarfile.TarInfo(member)
            info.size = len(member)
            archive.addfile(info, io.BytesIO(member.encode()))
    return written.getvalue()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """URLs that were fetched; the registry is one of our own."""
    urls: list[str] = []
    body = package()

    def fetch(url: str, timeout: float) -> io.BytesIO:
        urls.append(url)
        return io.BytesIO(body)

    monkeypatch.setenv("DROPLEARN_CACHE", str(tmp_path))
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://registry.example.com/npm/")
    monkeypatch.setattr(module.urllib.request, "urlopen", fetch)
    monkeypatch.setattr(module, "SHA512", base64.b64encode(hashlib.sha512(body).digest()).decode())
    return urls


def test_the_two_files_are_fetched_once_and_kept_gzipped(asked: list[str]):
    for _ in range(2):
        found = module.browser_runtime()
    assert asked == [f"https://registry.example.com/npm/onnxruntime-web/-/onnxruntime-web-{BROWSER_RUNTIME_VERSION}.tgz"]
    assert gzip.decompress(found[browser_runtime_key("onnxruntime.js")].read_bytes()).endswith(b"ort.wasm.bundle.min.mjs")
    assert set(found) == {browser_runtime_key("onnxruntime.js"), browser_runtime_key("onnxruntime.wasm")}


def test_another_package_than_the_pinned_one_is_refused(asked: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(module, "SHA512", "other")
    with pytest.raises(module.NoRuntime, match="not the package that was pinned"):
        module.browser_runtime()
    assert not list(tmp_path.glob("onnxruntime-web-*"))


def test_without_a_network_it_says_so(asked: list[str], monkeypatch: pytest.MonkeyPatch):
    def no_network(url: str, timeout: float) -> None:
        raise OSError("no route")

    monkeypatch.setattr(module.urllib.request, "urlopen", no_network)
    with pytest.raises(module.NoRuntime, match="no route"):
        module.browser_runtime()


def test_a_registry_that_is_no_web_address_is_refused(asked: list[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "file:///etc")
    with pytest.raises(module.NoRuntime, match="no web address"):
        module.browser_runtime()


def test_without_npm_the_standard_registry_is_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NPM_CONFIG_REGISTRY", raising=False)
    monkeypatch.setattr(module.shutil, "which", lambda _name: None)
    assert module._registry() == "https://registry.npmjs.org/"
