"""droplearn.yaml: read what lies at the dataset's root now, take it over, or say on the dataset why not. A bad file is never retried."""

from __future__ import annotations

from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from chalicelib.domain.dataset import Dataset
from chalicelib.domain.project import Project
from chalicelib.domain.task import tasks_of
from chalicelib.ports import Platform
from droplearn.contracts.dataset_config import MAX_CONFIG_BYTES, ConfigProblem, DatasetConfig, TrainSection
from droplearn.contracts.document import invalid
from droplearn.contracts.errors import InvalidRequest, Throttled, UnsupportedScenario
from droplearn.contracts.s3_layout import CONFIG_FILE
from droplearn.scenarios import scenario_named
from droplearn.scenarios.scenario import Scenario

MAX_ATTEMPTS = 8
MAX_DEPTH = 10
"""Of the file's nesting; a valid one has 3."""
_OPENING = (yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken, yaml.BlockSequenceStartToken, yaml.BlockMappingStartToken)
_CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)

_HINT = f"Correct {CONFIG_FILE} at the dataset's root and drop it again."


class Reading(NamedTuple):
    """At most one of the two; neither when there is no file."""

    config: DatasetConfig | None = None
    problem: ConfigProblem | None = None


def read_config(raw: bytes | None) -> Reading:
    """`raw`: the file's content, cut off no earlier than one byte after MAX_CONFIG_BYTES; None when there is no such object."""
    if raw is None:
        return Reading()
    if len(raw) > MAX_CONFIG_BYTES:
        return _refused(f"The file is larger than {MAX_CONFIG_BYTES // 1024} KB.")
    try:
        config = DatasetConfig.model_validate(_load(raw))
        if config.scenario is not None:
            _check(scenario_named(config.scenario), config.train or TrainSection())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        return _refused(_told(error))
    except (UnsupportedScenario, InvalidRequest) as error:
        return Reading(problem=ConfigProblem(message=error.message, hint=error.hint))
    return Reading(config)


def _check(scenario: Scenario, train: TrainSection) -> None:
    scenario.check_options(train.options)
    scenario.check_labels(train.labels)


def _load(raw: bytes) -> object:
    text = raw.decode("utf-8-sig")
    _refuse_bombs(text)
    loaded = yaml.safe_load(text)
    if isinstance(loaded, dict) and "train" in loaded and loaded["train"] is None:
        loaded["train"] = {}  # `train:` and nothing below it: train, with every default
    return {} if loaded is None else loaded


def _refuse_bombs(text: str) -> None:
    """A few lines of aliases can stand for gigabytes, and deep nesting costs PyYAML the square of its depth."""
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken):
            raise ValueError("aliases (*name) are not allowed")
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > MAX_DEPTH:
            raise ValueError(f"more than {MAX_DEPTH} levels")


def _told(error: Exception) -> str:
    """In words that name the field or the line."""
    if isinstance(error, ValidationError):
        return invalid(CONFIG_FILE, error).message
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"Line {error.problem_mark.line + 1}: {error.problem}."
    return f"The file cannot be read: {error or type(error).__name__}."


def _refused(message: str) -> Reading:
    return Reading(problem=ConfigProblem(message=message, hint=_HINT))


def train_section(dataset: Dataset) -> TrainSection | None:
    """None: drops into this dataset start nothing."""
    section = (dataset.config or {}).get("train")
    return None if section is None else TrainSection.model_validate(section)


def take_over(platform: Platform, project: Project, dataset: Dataset, sequencer: str) -> tuple[Project, Dataset]:
    """What lies in the bucket now counts, not what the event saw; what a newer event brought is not undone.

    Raises TransientError when others change the dataset all the time.
    """
    for _ in range(MAX_ATTEMPTS):
        if dataset.config_sequencer is not None and dataset.config_sequencer >= sequencer:
            return project, dataset
        reading = read_config(platform.dropped.read_config(project.name, dataset.name))
        try:
            project = _settle_scenario(platform, project, reading.config)
        except InvalidRequest as error:
            reading = Reading(problem=ConfigProblem(message=error.message, hint=error.hint))
        changes = {**_fields(reading), "config_sequencer": sequencer}
        changed = platform.datasets.change(dataset.key, changes, only_if={"config_sequencer": [dataset.config_sequencer]})
        if changed:
            return project, changed
        dataset = platform.datasets.get(dataset.key) or dataset
    raise Throttled("indexing.contended", f"Dataset {dataset.key} is changed by too many at once.", hint="It is tried again.")


def _fields(reading: Reading) -> dict[str, Any]:
    config, problem = reading
    told: dict[str, Any] = {
        "config": config.model_dump(mode="json", exclude_unset=True) if config else None,
        "config_problem": problem.model_dump() if problem else None,
    }
    return told | ({"description": config.description} if config and config.description else {})


def _settle_scenario(platform: Platform, project: Project, config: DatasetConfig | None) -> Project:
    """An inferred scenario gives way to a declared one until there is a task. Raises InvalidRequest (`scenario.conflict`)."""
    wanted = config.scenario if config else None
    if wanted is None or (wanted == project.scenario and not project.is_scenario_inferred):
        return project
    if wanted != project.scenario and not project.is_scenario_inferred:
        raise _conflict(project, wanted, "was declared so")
    if wanted != project.scenario and platform.tasks.page(tasks_of(project.name), 1).items:
        raise _conflict(project, wanted, "has tasks already")
    declared = {"scenario": wanted, "is_scenario_inferred": False}
    return platform.projects.change(project.name, declared, only_if={"is_scenario_inferred": [True]}) or project


def _conflict(project: Project, wanted: str, why: str) -> InvalidRequest:
    return InvalidRequest(
        "scenario.conflict",
        f"{CONFIG_FILE} says {wanted}, but project {project.name!r} is {project.scenario} and {why}.",
        hint=f"Drop this dataset into another project, or set scenario: {project.scenario}.",
    )
