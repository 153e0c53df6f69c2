"""Fixtures of the contract tests: a bare twin for each module that asks for one."""

from collections.abc import Iterator

import pytest

from tests.contract.twin_fixtures import Aws, start_bare_twin


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    found = start_bare_twin(tmp_path_factory.mktemp("twin"))
    yield found
    found.twin.stop()
