"""Create and change projects and datasets by hand (a first drop creates both as well)."""

from __future__ import annotations

from chalicelib.domain.dataset import Dataset
from chalicelib.domain.project import Project
from chalicelib.domain.times import text_of
from chalicelib.ports import Platform
from chalicelib.service.finding import find_open_project, find_project
from droplearn.contracts.errors import Conflict
from droplearn.contracts.ids import check_name
from droplearn.scenarios import scenario_named


def create_project(platform: Platform, name: str, scenario: str, description: str = "") -> Project:
    """Raises InvalidRequest (`name.invalid`), UnsupportedScenario (`scenario.unknown`), Conflict (`project.exists`,
    `project.being_deleted`).
    """
    check_name(name, "project")
    scenario_named(scenario)
    project = Project(name=name, scenario=scenario, created_at=text_of(platform.now()), description=description)
    if not platform.projects.add(project):
        find_open_project(platform, name)
        raise Conflict("project.exists", f"There is a project {name!r} already.", hint="Choose another name.")
    return project


def describe_project(platform: Platform, name: str, description: str) -> Project:
    """Raises NotFound (`project.unknown`)."""
    changed = platform.projects.change(name, {"description": description, "updated_at": text_of(platform.now())})
    return changed or find_project(platform, name)


def create_dataset(platform: Platform, project: str, name: str, description: str = "") -> Dataset:
    """Raises NotFound (`project.unknown`), InvalidRequest (`name.invalid`), Conflict (`dataset.exists`)."""
    find_open_project(platform, project)
    check_name(name, "dataset")
    dataset = Dataset(project=project, name=name, created_at=text_of(platform.now()), description=description)
    if not platform.datasets.add(dataset):
        raise Conflict("dataset.exists", f"Project {project!r} has a dataset {name!r} already.", hint="Choose another name.")
    return dataset
