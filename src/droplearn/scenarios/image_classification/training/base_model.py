"""Continuing from a base model: where the weights come from."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from droplearn.networks.backbones import backbone_file
from droplearn.networks.lite_table import lite_network
from droplearn.scenarios.image_classification.spec import SPEC
from droplearn.scenarios.image_classification.training.drafts import WEIGHTS_FILE
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
