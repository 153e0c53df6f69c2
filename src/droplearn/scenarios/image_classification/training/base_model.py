"""Continuing from a base model: where the weights come from, and whether the old labels got worse."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from droplearn.contracts.model import BaseModelComparison
from droplearn.networks.backbones import backbone_file
from droplearn.networks.lite_table import lite_network
from droplearn.scenarios.image_classification.spec import SPEC
from droplearn.scenarios.image_classification.training.drafts import HELD_OUT_FILE, WEIGHTS_FILE, HeldOut
from droplearn.scenarios.image_classification.training.examples import LearningSet
from droplearn.scenarios.learning import TrainingContext
from droplearn.scenarios.learning.arrays import Floats


@dataclass(frozen=True)
class StartingNetwork:
    """The network that features come from. `weights` is empty for ImageNet's, which are found again by name."""

    name: str
    size: int
    graph: bytes | Path
    digest: str
    weights: Mapping[str, Floats] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def features(self) -> Any:
        """The graph as an onnx.ModelProto."""
        import onnx

        return onnx.load(str(self.graph)) if isinstance(self.graph, Path) else onnx.load_from_string(self.graph)


def starting_network(context: TrainingContext) -> StartingNetwork:
    """The base model's tuned weights where they fit the preset, else ImageNet's."""
    preset = SPEC.presets[context.request.settings.preset]
    weights_file = context.base.folder / WEIGHTS_FILE if context.base is not None else None
    if context.base is None or weights_file is None or not weights_file.exists():
        return _pretrained(preset.network, preset.input_size)
    if context.base.manifest.preprocessing.get("network") != preset.network:
        return _pretrained(
            preset.network, preset.input_size, ("The base model has another network than the preset: only its examples are used.",)
        )
    return _tuned(preset.network, preset.input_size, weights_file.read_bytes())


def _pretrained(name: str, size: int, warnings: tuple[str, ...] = ()) -> StartingNetwork:
    file = backbone_file(name, size)
    return StartingNetwork(name, size, file, file.stem, warnings=warnings)


def _tuned(name: str, size: int, content: bytes) -> StartingNetwork:
    from droplearn.networks.onnx_graph import features_graph

    with np.load(io.BytesIO(content), allow_pickle=False) as saved:
        weights = {key: saved[key] for key in saved.files}
    digest = f"{name}-{size}-{hashlib.sha256(content).hexdigest()}"
    return StartingNetwork(name, size, features_graph(lite_network(name), weights, size, digest).SerializeToString(), digest, weights)


def compare(context: TrainingContext, data: LearningSet, held_out: HeldOut) -> tuple[BaseModelComparison | None, list[str]]:
    """Old and new model on old examples that both were asked about while these were held out; and a warning where the new one is worse."""
    if context.base is None:
        return None, []
    before = _base_predictions(context.base.folder / HELD_OUT_FILE, context.base.manifest.labels)
    predicted = held_out.probabilities.argmax(axis=1)
    pairs = [
        (before[key], data.labels[predicted[row]] == example.label)
        for row, index in enumerate(held_out.indices)
        if (example := data.examples[index]).is_old and (key := (example.path, example.label)) in before
    ]
    if not pairs:
        return None, ["The base model and this one have no held-out example in common: their accuracy on the old labels is not compared."]
    right_before, right_after = sum(b for b, _ in pairs), sum(a for _, a in pairs)
    has_fallen = right_before - right_after > max(1, 0.01 * len(pairs))
    comparison = BaseModelComparison(
        model_id=context.base.manifest.model_id,
        example_count=len(pairs),
        accuracy_before=right_before / len(pairs),
        accuracy_after=right_after / len(pairs),
        has_fallen=has_fallen,
    )
    told = f"On {len(pairs)} old examples the accuracy fell from {right_before / len(pairs):.3f} to {right_after / len(pairs):.3f}."
    return comparison, [told] if has_fallen else []


def _base_predictions(file: Path, labels: list[str]) -> dict[tuple[str, str], bool]:
    """(path, label) -> whether the base model was right about it while it was held out."""
    if not file.exists():
        return {}
    lines = (json.loads(line) for line in file.read_text("utf-8").splitlines() if line)
    return {(e["path"], e["label"]): labels[int(np.argmax(e["probabilities"]))] == e["label"] for e in lines}
