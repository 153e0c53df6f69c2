"""locks/constraints.txt names every package that a deployable asks for: what it does not name would come in whatever version is newest."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("extra", EXTRAS)
def test_every_package_of_an_extra_is_locked(extra: str):
    locked = {canonical(line.partition("==")[0]) for line in (ROOT / "locks/constraints.txt").read_text().splitlines() if "==" in line}
    wanted = {canonical(re.match(r"[\w.-]+", requirement)[0]) for requirement in EXTRAS[extra]}  # type: ignore[index]
    assert not wanted - locked - {"pip", "setuptools", "wheel"}, "run `make lock`"
