"""The way of a training: deep check -> size and schedule -> rounds, each validated, the best saved at once -> the best, final.

In each process: the leader and those that follow it make the same steps (loop.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Any

import numpy as np

from droplearn.contracts.errors import InvalidDataset
from droplearn.networks.detector_graph import early_graph
from droplearn.networks.detector_plan import DetectorPlan
from droplearn.networks.efficientnet_lite import pretrained_weights
from droplearn.scenarios.learning import StoppedEarly, TrainingContext
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.learning.collective import Collective
from droplearn.scenarios.learning.torch_process import prepare_process
from droplearn.scenarios.object_detection.boxes import NMS_IOU
from droplearn.scenarios.object_detection.inference import Graph
from droplearn.scenarios.object_detection.spec import SPEC
from droplearn.scenarios.object_detection.training.base_model import base_weights
from droplearn.scenarios.object_detection.training.drafts import Network
from droplearn.scenarios.object_detection.training.examples import (
    Candidate,
    LearningPicture,
    LearningSet,
    gather,
    learning_set,
    relative_sides,
    without_habit,
)
from droplearn.scenarios.object_detection.training.leader import Leader
from droplearn.scenarios.object_detection.training.loader import threads_of
from droplearn.scenarios.object_detection.training.loop import TrainingLoop, TrainingTask
from droplearn.scenarios.object_detection.training.network import fresh_weights
from droplearn.scenarios.object_detection.training.pictures import PictureCache, read_all, read_these
from droplearn.scenarios.object_detection.training.schedule import affordable_size, choose_size, make_schedule
from droplearn.scenarios.object_detection.training.scoring import Validation
from droplearn.scenarios.object_detection.training.state import DetectorState

_TRAINING_PER_EARLY = 11.0
"""Learning from a view costs this many times its way through the part that is not trained. Measured on one core: 95 ms and 9 ms."""
_CACHE_MARGIN = 1.35
"""Pictures are kept this much larger than the input: views enlarge a part of them."""


def train(context: TrainingContext) -> None:
    """Leaves the best model in `context.store`.

    Raises:
        InvalidDataset: too little is left after unusable pictures are excluded.
        StoppedEarly: time ran out, or a stop was asked for; what was saved by then is the model.
    """
    if context.group.is_leader:
        _lead(context)
    else:
        _follow(context)


def _lead(context: TrainingContext) -> None:
    candidates = gather(context)
    cache = PictureCache(candidates)
    pictures, data, warnings = _read(context, candidates, cache)
    settings = context.request.settings
    preset = SPEC.presets[settings.preset]
    plan = DetectorPlan(preset.network, len(data.labels))
    key = _key(context, data)
    state = DetectorState.load(context.checkpoints, key)
    train = data.indices("train")
    backbone = {name: value.numpy() for name, value in pretrained_weights(plan.network).items()}
    size = state.size if state is not None else _size(context, plan, data, backbone)
    cache.shrink(round(size * _CACHE_MARGIN))
    start = _start(context, plan, data.labels, backbone)
    _prepare(context)
    collective = Collective(context.group)
    task = _task(context, plan, size, data, cache, train, start, backbone, state)
    validation = Validation(data, cache, size, settings.seed, context.deadline.check)
    leader = Leader(context, data, validation, Network(plan, size, NMS_IOU, _early(plan, backbone), {}), key, warnings)
    if state is not None:
        leader.adopt(state)
    collective.from_leader(_told(pictures, data, task))
    context.log.note(f"training begins: {len(train)} pictures, {len(validation.indices)} to validate, input {size} px, {task.schedule}")
    stop_reason = leader.run(TrainingLoop(context, task, collective, reserve_s=3.0))
    leader.finish(stop_reason)
    collective.close()


def _follow(context: TrainingContext) -> None:
    """A process that is not the leader: the same steps on its own share of each batch."""
    _prepare(context)
    collective = Collective(context.group)
    with suppress(StoppedEarly):
        if told := collective.from_leader(None):
            for _ in TrainingLoop(context, _task_as_told(context, told), collective, reserve_s=0.0).rounds():
                pass
    collective.close()


def _read(
    context: TrainingContext, candidates: Sequence[Candidate], cache: PictureCache
) -> tuple[list[LearningPicture], LearningSet, list[str]]:
    """What can be learnt from. Too little of a part says nothing about the whole: then it was the time that was too short."""
    pictures, report = read_all(candidates, cache, context.deadline, context.log, context.source.version.version_id)
    context.store.save_health(report)
    try:
        data, warnings = learning_set(pictures, context)
    except InvalidDataset:
        if report.checked_count < len(candidates):
            raise StoppedEarly("max_runtime") from None
        raise
    context.store.save_health(report.model_copy(update={"warnings": [*report.warnings, *warnings]}))
    return pictures, data, [*report.warnings, *warnings]


def _task(
    context: TrainingContext,
    plan: DetectorPlan,
    size: int,
    data: LearningSet,
    cache: PictureCache,
    train: Integers,
    start: Mapping[str, Floats],
    backbone: Mapping[str, Floats],
    state: DetectorState | None = None,
) -> TrainingTask:
    base_size = SPEC.presets[context.request.settings.preset].input_size
    schedule = make_schedule(context.request.settings.hyper_parameters, len(train), size, base_size, context.group.world_size)
    early = Graph(early_graph(plan, backbone, size).SerializeToString())
    task = TrainingTask(plan, size, data, cache, early, train, start, schedule)
    if state is None:
        return task
    done, fraction = (schedule.rounds, 1.0) if state.is_finished else (state.rounds_done, state.fraction)
    return replace(task, start=state.weights, rounds_done=done, fraction_done=fraction, moments=state.moments, average=state.average)


def _size(context: TrainingContext, plan: DetectorPlan, data: LearningSet, backbone: Mapping[str, Floats]) -> int:
    """By the preset, the objects and the time."""
    base_size = SPEC.presets[context.request.settings.preset].input_size
    wanted = choose_size(base_size, relative_sides(data), np.concatenate([truth.labels for truth in data.truths]))
    if wanted == base_size:
        return wanted
    early, views = Graph(early_graph(plan, backbone, base_size).SerializeToString()), np.zeros((4, base_size, base_size, 3), np.uint8)
    early.early(views)
    begun = monotonic()
    early.early(views)
    view_s = _TRAINING_PER_EARLY * (monotonic() - begun) / len(views) / (threads_of(context.group) * context.group.world_size)
    size = affordable_size(wanted, base_size, len(data.indices("train")), view_s, context.deadline.remaining_s())
    context.log.note(f"input of {size} px: the objects ask for {wanted}, the preset for {base_size}, a view takes about {view_s:.3f} s")
    return size


def _start(context: TrainingContext, plan: DetectorPlan, labels: Sequence[str], backbone: Mapping[str, Floats]) -> dict[str, Floats]:
    """The base model's weights, or ImageNet's with a new head."""
    fresh = fresh_weights(plan, backbone, context.request.settings.seed)
    return fresh | base_weights(context, plan, labels, fresh)


def _early(plan: DetectorPlan, backbone: Mapping[str, Floats]) -> dict[str, Floats]:
    """The weights that are never trained."""
    trained = tuple(f"blocks.{i}." for i in plan.trained_blocks)
    return {name: value for name, value in backbone.items() if not name.startswith(trained)}


def _prepare(context: TrainingContext) -> None:
    prepare_process(context.group, context.request.settings.seed, context.request.settings.max_runtime_s)


def _told(pictures: Sequence[LearningPicture], data: LearningSet, task: TrainingTask) -> dict[str, Any]:
    """What the followers cannot work out by themselves."""
    groups = {"start": task.start, "moments": task.moments, "average": task.average}
    arrays = {f"{group}:{name}": value for group, values in groups.items() for name, value in values.items()}
    return arrays | {
        "numbers": np.array([p.number for p in pictures]),
        "labels": np.array(data.labels),
        "network": np.array([task.plan.network, str(task.size)]),
        "train": task.train,
        "progress": np.array([task.rounds_done, task.fraction_done]),
    }


def _task_as_told(context: TrainingContext, told: dict[str, Any]) -> TrainingTask:
    candidates = gather(context)
    cache = PictureCache(candidates)
    pictures = without_habit(read_these(candidates, told["numbers"].tolist(), cache))
    data = LearningSet(tuple(pictures), tuple(str(label) for label in told["labels"]))
    groups: dict[str, dict[str, Floats]] = {"start": {}, "moments": {}, "average": {}}
    for name, value in told.items():
        group, _, rest = name.partition(":")
        if rest:
            groups[group][rest] = value
    network, size = str(told["network"][0]), int(told["network"][1])
    cache.shrink(round(size * _CACHE_MARGIN))
    plan = DetectorPlan(network, len(data.labels))
    backbone = {name: value.numpy() for name, value in pretrained_weights(network).items()}
    task = _task(context, plan, size, data, cache, told["train"], groups["start"], backbone)
    rounds_done, fraction = (float(part) for part in told["progress"])
    return replace(task, rounds_done=int(rounds_done), fraction_done=fraction, moments=groups["moments"], average=groups["average"])


def _key(context: TrainingContext, data: LearningSet) -> str:
    settings = context.request.settings.model_dump(mode="json", exclude={"max_runtime_s", "resources", "expected_accuracy"})
    base = context.base.manifest.model_id if context.base is not None else ""
    pictures = [(p.example.etag, p.split, [(o.name, o.box) for o in p.annotation.objects]) for p in data.pictures]
    return hashlib.sha256(json.dumps([base, settings, data.labels, pictures], ensure_ascii=False).encode()).hexdigest()
