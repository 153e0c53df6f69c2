"""One twin for all tests of this folder, and the slow things that run beside them from the start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.pictures import hard_picture
from tests.twin.world import LABELS, World, pictures
from twin.running import running_twin


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running_twin(tmp_path_factory.mktemp("twin") / "state") as twin:
        yield World(twin.state)


@pytest.fixture(scope="session")
def root(world: World) -> Any:
    """`root("sqs")`: a client that may everything, as the account's owner."""
    return lambda service: world.aws(service, **world.root_keys)


@dataclass(frozen=True)
class Learnt:
    """A project with a trained model and its task."""

    project: str
    dataset: str
    task: dict[str, Any]
    model: str


@pytest.fixture(scope="session")
def learnt(world: World) -> Learnt:
    """Sixteen pictures, two labels, everything at its default."""
    world.drop("shapes", "training", pictures(8))
    task = world.end_of_task(world.start_task("shapes", "training"))
    assert task["status"] == "SUCCEEDED", task
    return Learnt("shapes", "training", task, task["model"])


@pytest.fixture(scope="session")
def hard_dataset(world: World) -> tuple[str, str]:
    """Pictures that nobody can tell apart for sure: a training on them goes on until it is told to end."""
    files = {f"{label}/{n}.jpg": hard_picture(label, n) for label in LABELS for n in range(100)}
    world.drop("noise", "weak", files)
    return "noise", "weak"


@pytest.fixture(scope="session")
def slow_task(world: World, hard_dataset: tuple[str, str]) -> str:
    """Runs into its limit of one minute, the shortest there is."""
    return world.start_task(*hard_dataset, max_runtime_s=60, hyper_parameters={"epochs": 1000})


@pytest.fixture(scope="session")
def short_service(world: World, learnt: Learnt) -> dict[str, Any]:
    """Lives for one minute, the shortest there is."""
    return world.deploy(learnt.project, learnt.model, max_runtime_s=60)
