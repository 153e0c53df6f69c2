"""The cache of packages, shared by processes."""

import os
import time
from pathlib import Path

import pytest

from twin.packaging import build
from twin.packaging.dependencies import keep_first, partial_of


def test_of_two_processes_that_build_at_once_the_first_fills_the_cache(tmp_path: Path) -> None:
    cached = tmp_path / "package"
    first, second = partial_of(cached), partial_of(cached)
    for partial in (first, second):
        partial.mkdir()
        (partial / "by").write_text(partial.name)
    keep_first(first, cached)
    keep_first(second, cached)
    assert (cached / "by").read_text() == first.name
    assert list(tmp_path.iterdir()) == [cached]


def test_a_build_that_cannot_be_named_is_an_error_and_is_not_lost(tmp_path: Path) -> None:
    built = tmp_path / "built"
    built.mkdir()
    with pytest.raises(FileNotFoundError):
        keep_first(built, tmp_path / "missing" / "package")
    assert built.exists()


def test_packages_of_the_last_day_are_kept_as_another_twin_may_run_them(tmp_path: Path) -> None:
    for age_h in range(0, 80, 10):
        folder = tmp_path / f"{age_h:02d}"
        folder.mkdir()
        then = time.time() - age_h * 3600
        os.utime(folder, (then, then))
    build._forget_old_packages(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["00", "10", "20", "30", "40"]
