"""The first stage of a training: deep check, features, the candidates on frozen features; the first of them saved at once. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median
from time import monotonic

import numpy as np

from droplearn.contracts.dataset import HealthReport
from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.learning import StoppedEarly, TrainingContext
from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.learning.labelled_examples import LearningExample, LearningSet, gather, learning_set
from droplearn.scenarios.sound_classification.dataset import LAYOUT
from droplearn.scenarios.sound_classification.feature_graph import PARTS, features_graph, graph_digest, part_widths
from droplearn.scenarios.sound_classification.inference import SoundGraph
from droplearn.scenarios.sound_classification.spec import SPEC
from droplearn.scenarios.sound_classification.training.feature_table import FeatureTable
from droplearn.scenarios.sound_classification.training.features import Extraction, extract, health
from droplearn.scenarios.sound_classification.training.heads import Rows

MAX_VERSIONS = 4
"""Of each sound, the plain one included."""
_VERSION_MARGIN = 3.0
"""Another version of all sounds is made only where this many times its estimated time is left."""


@dataclass(frozen=True)
class Material:
    """What there is to learn from."""

    network: str
    size: int
    data: LearningSet
    rows: Rows
    """Features of the sounds as they are; or of some parts, in several versions."""
    seconds: float
    """The median length of a sound."""
    warnings: tuple[str, ...]
    key: str
    """Names the features."""
    reading_s: float
    """How long it took to read all sounds once."""


def read(context: TrainingContext) -> Material:
    """Raises InvalidDataset, StoppedEarly."""
    preset = SPEC.presets[context.request.settings.preset]
    key, started = graph_digest(preset.network, preset.input_size), monotonic()
    cache = context.checkpoints / "features-0.npz"
    table = FeatureTable.load(cache, key)
    examples = gather(context)
    graph = SoundGraph(features_graph(preset.network, preset.input_size, PARTS).SerializeToString())
    extract(examples, Extraction(graph), table, cache, context.deadline, context.log)
    usable, report = health(examples, table, context.source.version.version_id)
    context.store.save_health(report)
    data, warnings = _learning_set(usable, context, report, is_part=report.checked_count < len(examples))
    return Material(
        network=preset.network,
        size=preset.input_size,
        data=data,
        rows=Rows.of([table.rows(data.examples)], part_widths(preset.network, preset.input_size)),
        seconds=median(table.heard[e.etag].seconds for e in data.examples),
        warnings=(*report.warnings, *warnings),
        key=key,
        reading_s=monotonic() - started,
    )


def with_versions(context: TrainingContext, material: Material, parts: tuple[str, ...]) -> Material:
    """These parts of the features only, with as many altered versions of all sounds as there is time for. Raises StoppedEarly."""
    examples, widths = material.data.examples, part_widths(material.network, material.size)
    graph = SoundGraph(features_graph(material.network, material.size, parts).SerializeToString())
    found: list[Floats] = [material.rows.of_parts(parts, np.arange(len(examples)))]
    for number in range(1, MAX_VERSIONS):
        cache = context.checkpoints / f"features-{number}.npz"
        table = FeatureTable.load(cache, f"{material.key}-{number}-{'-'.join(parts)}")
        if not table.heard and context.deadline.remaining_s() < _VERSION_MARGIN * material.reading_s:
            break
        extract(examples, Extraction(graph, number), table, cache, context.deadline, context.log)
        if any(e.etag not in table.heard for e in examples):
            break
        found.append(table.rows(examples))
    return replace(material, rows=Rows.of(found, {part: widths[part] for part in parts}))


def _learning_set(
    usable: Sequence[LearningExample], context: TrainingContext, report: HealthReport, *, is_part: bool
) -> tuple[LearningSet, list[str]]:
    """Too little of a part says nothing about the whole: then it was the time that was too short."""
    try:
        data, warnings = learning_set(usable, context, LAYOUT.check)
    except InvalidDataset:
        if is_part:
            raise StoppedEarly("max_runtime") from None
        raise
    context.store.save_health(report.model_copy(update={"warnings": [*report.warnings, *warnings]}))
    return data, warnings
