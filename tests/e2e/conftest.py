"""A Chromium for these tests, and the preview's page without the rest of droplearn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.browser import CHROMIUM, Page, browser
from tests.e2e.preview_site import Site, preview_site
from twin.packaging.browser_runtime import NoRuntime, browser_runtime


@pytest.fixture(scope="session")
def runtime() -> dict[str, Path]:
    """onnxruntime-web, by the name that the page asks for."""
    try:
        return {Path(key).name: file for key, file in browser_runtime().items()}
    except NoRuntime as error:
        pytest.skip(f"onnxruntime-web cannot be fetched: {error}")


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    with preview_site() as made:
        yield made


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One tab for all tests that do not mind what was open before."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with browser(tmp_path_factory.mktemp("chromium")) as made:
        yield made
