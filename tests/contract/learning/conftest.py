"""Jobs of the trainer on this machine, and datasets small enough for seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.learning.local_job import LocalJob
from benchmarks.learning.local_version import labelled_files, make_version, splits_of
from droplearn.contracts.training import TaskSettings
from tests.pictures import COLOURS, hard_picture, picture

LABELS = tuple(COLOURS)

STOPPED_S = 110
"""From SIGTERM to a saved model: SageMaker kills after 120 s."""


def write(folder: Path, count: int, labels=LABELS, make=picture, first=0) -> Path:
    for label in labels:
        (folder / label).mkdir(parents=True, exist_ok=True)
        for seed in range(first, first + count):
            (folder / label / f"{seed}.jpg").write_bytes(make(label, seed))
    return folder


@pytest.fixture(scope="session")
def easy(tmp_path_factory) -> Path:
    """Three shapes, six pictures each."""
    return write(tmp_path_factory.mktemp("easy"), 6)


@pytest.fixture(scope="session")
def hard(tmp_path_factory) -> Path:
    """Three faint tints in noise, sixteen pictures each."""
    return write(tmp_path_factory.mktemp("hard"), 16, make=hard_picture)


@pytest.fixture
def new_job(tmp_path):
    """A job on a folder of pictures; keyword arguments are task settings."""

    def make(folder: Path, name: str = "job", **settings) -> LocalJob:
        return lay_out(LocalJob(tmp_path / name), folder, **settings)

    return make


def lay_out(job: LocalJob, folder: Path, **settings) -> LocalJob:
    files = labelled_files(folder)
    version, examples = make_version(folder, files, splits_of(files, 0.25, 0), "v-1")
    job.write_channel(version, examples, folder)
    job.write_request(TaskSettings(**settings), version.version_id)
    return job
