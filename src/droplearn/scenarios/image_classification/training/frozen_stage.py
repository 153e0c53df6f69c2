"""The first stage of a training: deep check, features, the frozen model; saved at once. Works without torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

import numpy as np

from droplearn.contracts.errors import InvalidDataset
from droplearn.contracts.model import Candidate, StopReason
from droplearn.scenarios.image_classification.dataset import LAYOUT
from droplearn.scenarios.image_classification.inference import Graph
from droplearn.scenarios.image_classification.training.base_model import starting_network
from droplearn.scenarios.image_classification.training.drafts import Network, make_draft
from droplearn.scenarios.image_classification.training.features import FeatureTable, extract, health
from droplearn.scenarios.image_classification.training.frozen import FrozenModel, fit_frozen
from droplearn.scenarios.image_classification.training.tuning_state import TuningState
from droplearn.scenarios.learning import StoppedEarly, TrainingContext
from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.learning.held_out import HeldOut, compare, valid_metrics
from droplearn.scenarios.learning.labelled_examples import LearningExample, LearningSet, gather, learning_set
from droplearn.scenarios.learning.threads import core_count


@dataclass(frozen=True)
class FrozenStage:
    """What the first stage leaves: data, features, the saved model, and its draft's parts."""

    data: LearningSet
    usable: Sequence[bool]
    """Of all examples that were gathered, which are in `data`."""
    features: Floats
    model: FrozenModel
    network: Network
    forward_s: float
    """Seconds a picture takes through the frozen network, all cores busy."""
    warnings: Sequence[str]
    key: str
    """Names this training: same data, labels, settings and starting weights."""
    state: TuningState | None
    """Where an earlier attempt at the same training stands."""

    @property
    def held_out(self) -> HeldOut:
        """The cross-validated predictions."""
        return HeldOut(self.model.held_out, self.model.probabilities, "cross_validation", self.model.metrics)


def train_frozen(context: TrainingContext) -> FrozenStage:
    """Raises InvalidDataset, StoppedEarly."""
    start = starting_network(context)
    examples = gather(context)
    graph = Graph(start.graph)
    cache = context.checkpoints / "features.npz"
    table = FeatureTable.load(cache, start.digest)
    extract(examples, graph, table, cache, context.deadline, context.log)
    usable, report = health(examples, table, context.source.version.version_id)
    context.store.save_health(report)
    data, warnings = _learning_set(usable, context, is_part=report.checked_count < len(examples))
    context.store.save_health(report.model_copy(update={"warnings": [*report.warnings, *warnings]}))
    features = table.rows(data.examples)
    model = fit_frozen(data, features, context.request.settings.seed, context.deadline.check)
    key = _key(context, data, start.digest)
    stage = FrozenStage(
        data=data,
        usable=[e.etag in table.vectors for e in examples],
        features=features,
        model=model,
        network=Network(start.name, start.size, start.features(), model.head, model.temperature, start.weights),
        forward_s=time_forward(graph),
        warnings=[*report.warnings, *warnings, *start.warnings],
        key=key,
        state=TuningState.load(context.checkpoints, key),
    )
    context.log.metric("frozen", 1, 1, {"train_loss": model.train_loss, **curve(model.metrics)})
    if stage.state is None or not context.store.has_model:
        save_frozen(context, stage, "enough_already", "fine-tuning may follow", is_final=False)
        context.log.note(f"first model saved after {context.deadline.elapsed_s():.1f} s")
    return stage


def save_frozen(
    context: TrainingContext,
    stage: FrozenStage,
    stop_reason: StopReason,
    why_not_tuned: str,
    *,
    is_final: bool,
    candidates: Sequence[Candidate] = (),
) -> None:
    """`candidates`: those that were compared; without any, the frozen one and why there is no other."""
    comparison, fallen = compare(context, stage.data, stage.held_out)
    alone = [
        Candidate(name="frozen", metrics=valid_metrics(stage.model.metrics), is_chosen=True, reason="the only one"),
        Candidate(name="tuned", metrics={}, reason=why_not_tuned),
    ]
    draft = make_draft(
        stage.network,
        stage.data,
        stage.held_out,
        stop_reason=stop_reason,
        candidates=candidates or alone,
        base_model=comparison,
        warnings=[*stage.warnings, *fallen],
    )
    context.store.save(draft, is_final=is_final)


def curve(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics of the live curves (M-1, M-2)."""
    wanted = valid_metrics(metrics)
    return {name: wanted[name] for name in ("valid_loss", "valid_top1_accuracy", "valid_top5_accuracy")}


def _learning_set(usable: Sequence[LearningExample], context: TrainingContext, *, is_part: bool) -> tuple[LearningSet, list[str]]:
    """Too little of a part says nothing about the whole: then it was the time that was too short."""
    try:
        return learning_set(usable, context, LAYOUT.check)
    except InvalidDataset:
        if is_part:
            raise StoppedEarly("max_runtime") from None
        raise


def time_forward(graph: Graph) -> float:
    """Seconds a picture, with every core at work, from one batch on this thread."""
    batch = np.zeros((4, graph.size, graph.size, 3), np.uint8)
    started = monotonic()
    graph.run(batch)
    return (monotonic() - started) / len(batch) / core_count()


def _key(context: TrainingContext, data: LearningSet, digest: str) -> str:
    settings = context.request.settings.model_dump(mode="json", exclude={"max_runtime_s", "resources", "expected_accuracy"})
    told = [digest, settings, data.labels, [(e.etag, e.label, e.split) for e in data.examples]]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()
