"""What a scenario is: pure data, two pure functions, and the names of three modules that are loaded only where they are used.

A new scenario is one folder beside `image_classification/` and one line in `__init__.py`. API, state machines, trainer, server and
docs read the registry; none of them asks for a scenario by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import NamedTuple

from droplearn.contracts.dataset import DatasetVersion, ExampleStatus
from droplearn.contracts.document import Part


class Recognised(NamedTuple):
    """What indexing makes of an object from its key alone; `reason` for a skipped one (`hidden_file`, `not_an_image`, ...)."""

    status: ExampleStatus
    label: str | None = None
    reason: str | None = None


class PresetSpec(Part):
    """One choice between accuracy and speed (C-5, C-13)."""

    title: str
    description: str
    network: str
    input_size: int


class Choices(Part):
    """A hyper-parameter's built-in choices (C-8); `recipe` says what happens when none is given."""

    name: str
    title: str
    choices: list[float]
    minimum: float
    maximum: float
    recipe: str


class Limits(Part):
    """Rules that are checked before money is spent, and figures that are only recommended."""

    min_labels: int
    min_examples_per_label: int
    recommended_examples_per_label: int
    max_object_bytes: int
    max_pixels: int
    min_side_px: int


class ScenarioSpec(Part):
    """Pure data; what `GET /v1/scenarios` shows."""

    name: str
    title: str
    description: str
    input_kind: str
    answer_kind: str
    label_format: str
    file_extensions: list[str]
    primary_metric: str
    is_higher_better: bool
    metrics: list[str]
    presets: dict[str, PresetSpec]
    hyper_parameters: list[Choices]
    limits: Limits
    default_training_instance: str
    default_serving_instance: str


@dataclass(frozen=True)
class Scenario:
    """A line of the registry.

    `recognise(path, size_bytes)`: from the path below the dataset, without reading the object.
    `check(version)`: raises InvalidDataset when nothing can be learnt; returns warnings.
    `training`, `evaluation`, `serving`: import strings.
    """

    spec: ScenarioSpec
    recognise: Callable[[str, int], Recognised]
    check: Callable[[DatasetVersion], list[str]]
    training: str
    evaluation: str
    serving: str

    @property
    def name(self) -> str:
        """The key in the registry."""
        return self.spec.name

    def load_training(self) -> ModuleType:
        """The module with `train(context)`. Needs the `training` extra."""
        return import_module(self.training)

    def load_evaluation(self) -> ModuleType:
        """The module with `evaluate(...)`. Needs the `training` extra."""
        return import_module(self.evaluation)

    def load_serving(self) -> ModuleType:
        """The module with `load(model_dir)`. Needs the `serving` extra."""
        return import_module(self.serving)


Registry = Mapping[str, Scenario]
