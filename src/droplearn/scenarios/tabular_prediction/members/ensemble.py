"""The model that is served: a plan, members with weights, and how their answers become classes or numbers. Saved as pipeline.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from droplearn.contracts.document import Document, Part
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.tabular_prediction.columns.frame import Frame
from droplearn.scenarios.tabular_prediction.columns.plan import Features, Plan
from droplearn.scenarios.tabular_prediction.members.model import Kind, Model, load_model

PIPELINE_FILE = "pipeline.json"


class MemberSpec(Part):
    """Several models of one kind, one a fold; their mean has this weight."""

    name: str
    kind: Kind
    weight: float
    files: list[str]


class Pipeline(Document):
    """`labels`: empty for a regression. A regression's answer is `offset + scale * prediction`, kept within `low` and `high`."""

    target: str
    problem: Literal["classification", "regression"]
    metric: str
    labels: list[str]
    plan: Plan
    members: list[MemberSpec]
    temperature: float = 1.0
    label_weights: list[float] | None = None
    """The answer is the label with the largest probability times its weight: for macro_f1 on unbalanced labels."""
    offset: float = 0.0
    scale: float = 1.0
    low: float | None = None
    high: float | None = None

    def calibrated(self, mixed: Floats) -> Floats:
        """From the members' weighted mean to probabilities (N, K) or values (N, 1) in the target's unit."""
        if self.problem == "regression":
            return np.clip(self.offset + self.scale * mixed, self.low, self.high)
        return tempered(mixed, self.temperature)

    def decide(self, probabilities: Floats) -> Integers:
        """The answered label of each row."""
        weighted = probabilities if self.label_weights is None else probabilities * np.array(self.label_weights)
        chosen: Integers = weighted.argmax(axis=1)
        return chosen


@dataclass(frozen=True)
class Ensemble:
    """Loaded; `predict` is called by several threads at once."""

    pipeline: Pipeline
    models: Sequence[Sequence[Model]]

    @classmethod
    def load(cls, pipeline: Pipeline, read: Callable[[str], bytes]) -> Ensemble:
        """read: a file's content by its name."""
        count = len(pipeline.labels)
        return cls(pipeline, [[load_model(member.kind, read(file), count) for file in member.files] for member in pipeline.members])

    def predict_features(self, features: Features) -> Floats:
        """(N, K) probabilities, or (N, 1) values in the target's unit."""
        total = sum(member.weight for member in self.pipeline.members)
        mixed: Any = 0.0
        for member, models in zip(self.pipeline.members, self.models, strict=True):
            for model in models:
                mixed = mixed + model.predict(features) * (member.weight / total / len(models))
        return self.pipeline.calibrated(mixed)

    def predict(self, frame: Frame) -> tuple[Floats, Mapping[str, Any]]:
        """Also the cells of a wrong type (see Plan.encode)."""
        features, problems = self.pipeline.plan.encode(frame)
        return self.predict_features(features), problems


def tempered(probabilities: Floats, temperature: float) -> Floats:
    """(N, K): powers of the probabilities, normalised."""
    if temperature == 1.0:
        return probabilities
    powers = np.maximum(probabilities, 1e-12) ** (1 / temperature)
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares
