"""What a scenario is: pure data, two pure functions, and the names of three modules that are loaded only where they are used.

A new scenario is one folder beside `image_classification/` and one line in `__init__.py`. API, state machines, trainer, server and
docs read the registry; none of them asks for a scenario by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Literal, NamedTuple

from pydantic import Field

from droplearn.contracts.dataset import DatasetVersion, ExampleStatus
from droplearn.contracts.document import Part
from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.optimisation import VariantName
from droplearn.contracts.training import OptionValue, TaskSettings


class Recognised(NamedTuple):
    """What indexing makes of an object from its key alone; `reason` for a skipped one (`hidden_file`, `not_an_image`, ...)."""

    status: ExampleStatus
    label: str | None = None
    reason: str | None = None


class TableColumns(NamedTuple):
    """`known`: path -> names, of tables whose names could be told without reading them; `is_complete`: these are all."""

    known: Mapping[str, Sequence[str]]
    is_complete: bool


class PresetSpec(Part):
    """One choice between accuracy and speed (C-5, C-13)."""

    title: str
    description: str
    network: str
    input_size: int = 0
    """Pixels of a side; 0 where no picture is looked at."""


class Choices(Part):
    """A hyper-parameter's built-in choices (C-8); `recipe` says what happens when none is given."""

    name: str
    title: str
    choices: list[float]
    minimum: float
    maximum: float
    recipe: str


class OptionSpec(Part):
    """A setting that only this scenario has: `options` of a task."""

    name: str
    title: str
    description: str
    kind: Literal["text", "choice", "switch", "number"]
    choices: list[str] = Field(default_factory=list)
    default: OptionValue | None = None

    def check(self, value: OptionValue) -> None:
        """Raises InvalidRequest (`option.invalid`)."""
        is_number = isinstance(value, float | int) and not isinstance(value, bool)
        fits = {"switch": isinstance(value, bool), "number": is_number, "text": isinstance(value, str), "choice": value in self.choices}
        if not fits[self.kind]:
            wanted = f"one of: {', '.join(self.choices)}" if self.choices else {"switch": "true or false"}.get(self.kind, f"a {self.kind}")
            raise InvalidRequest("option.invalid", f"Option {self.name} cannot be {value!r}.", hint=f"Give {wanted}.")


class Limits(Part):
    """Rules that are checked before money is spent, and figures that are only recommended."""

    min_labels: int
    min_examples_per_label: int
    recommended_examples_per_label: int
    max_object_bytes: int
    max_pixels: int | None = None
    min_side_px: int | None = None


class ScenarioSpec(Part):
    """Pure data; what `GET /v1/scenarios` shows."""

    name: str
    title: str
    description: str
    input_kind: str
    answer_kind: str
    label_format: str
    labels_from: Literal["path", "annotations", "rows"] = "path"
    """Where an example's label stands: in its key, in another object beside it, or inside the object, which then holds many examples."""
    media_types: list[str]
    """Beginnings of the content types whose body is one input as it is; `application/octet-stream` always is."""
    file_extensions: list[str]
    primary_metric: str
    is_higher_better: bool
    metrics: list[str]
    presets: dict[str, PresetSpec]
    hyper_parameters: list[Choices]
    options: list[OptionSpec] = Field(default_factory=list)
    limits: Limits
    default_training_instance: str
    default_serving_instance: str
    serving: Literal["endpoint", "tables"] = "endpoint"
    """What a service of it is: a SageMaker endpoint, or tables that a Lambda answers from."""
    variants: list[VariantName] = Field(default_factory=list)
    """What optimisation can make of a model; none where a model is not one network."""
    preview: Literal["picture_labels", "picture_boxes", "sound_labels"] | None = None
    """How a browser runs such a model by itself (functions/chalicelib/preview_page); None: it cannot."""
    image_flavour: Literal["", "tabular", "ocr"] = ""
    """Which build of the training and serving images has what it needs; "" is the plain one."""

    @property
    def image_suffix(self) -> str:
        """What follows the plain images' tag: `droplearn-training:latest-tabular`."""
        return f"-{self.image_flavour}" if self.image_flavour else ""


@dataclass(frozen=True)
class Scenario:
    """A line of the registry.

    `recognise(path, size_bytes)`: from the path below the dataset, without reading the object.
    `check(version)`: raises InvalidDataset when nothing can be learnt; returns warnings.
    `check_columns(settings, columns)`: before money is spent; raises InvalidRequest or InvalidDataset where the job would, for tables.
    `pair(pictures, annotation_files)`: the annotation file of each annotated picture, by the names alone (`labels_from="annotations"`).
    `training`, `evaluation`, `serving`: import strings.
    """

    spec: ScenarioSpec
    recognise: Callable[[str, int], Recognised]
    check: Callable[[DatasetVersion], list[str]]
    training: str
    evaluation: str
    serving: str
    pair: Callable[[Sequence[str], Sequence[str]], Mapping[str, str]] | None = None
    check_columns: Callable[[TaskSettings, TableColumns], None] | None = None
    standalone: str | None = None
    """A program that runs such a model by itself: exported as predict.py. None: a model is more than one network."""

    @property
    def name(self) -> str:
        """The key in the registry."""
        return self.spec.name

    def check_options(self, options: Mapping[str, OptionValue]) -> None:
        """Raises InvalidRequest (`option.unknown`, `option.invalid`)."""
        known = {option.name: option for option in self.spec.options}
        for name, value in options.items():
            if name not in known:
                told = f"It has: {', '.join(known)}." if known else "It has none."
                raise InvalidRequest("option.unknown", f"{self.name} has no option {name!r}.", hint=told)
            known[name].check(value)

    def check_labels(self, labels: Sequence[str] | None) -> None:
        """A task's choice of labels. Raises InvalidRequest (`labels.too_few`)."""
        least = self.spec.limits.min_labels
        if labels is not None and len(labels) < least:
            raise InvalidRequest("labels.too_few", f"{self.spec.title} needs at least {least} labels.", hint="Select more, or all of them.")

    def check_variants(self, variants: Sequence[VariantName]) -> None:
        """What a task wants to be made of its model. Raises InvalidRequest (`optimisation.unsupported`)."""
        missing = [name for name in variants if name not in self.spec.variants]
        if missing:
            told = f"It has: {', '.join(self.spec.variants)}." if self.spec.variants else "Its models are not one network."
            raise InvalidRequest("optimisation.unsupported", f"{self.spec.title} has no variant {missing[0]}.", hint=told)

    def option(self, settings: TaskSettings, name: str) -> OptionValue | None:
        """The value that the task gives, else the default."""
        default = next(option.default for option in self.spec.options if option.name == name)
        return settings.options.get(name, default)

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
