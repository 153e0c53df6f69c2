"""The second stage, fine-tuning, in each process: the leader (tuning_leader.py) and those that follow it make the same steps."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic
from typing import Any

import numpy as np

from droplearn.scenarios.image_classification.training.frozen_stage import FrozenStage
from droplearn.scenarios.image_classification.training.pictures import PictureCache
from droplearn.scenarios.image_classification.training.refits import Refits
from droplearn.scenarios.image_classification.training.schedule import make_schedule
from droplearn.scenarios.image_classification.training.scoring import Validation
from droplearn.scenarios.image_classification.training.teacher import make_teacher
from droplearn.scenarios.image_classification.training.tuning_leader import SHARES, Leader
from droplearn.scenarios.image_classification.training.tuning_loop import TuningLoop, TuningTask
from droplearn.scenarios.learning import StoppedEarly, TrainingContext
from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.learning.collective import Collective
from droplearn.scenarios.learning.labelled_examples import LearningSet, gather
from droplearn.scenarios.learning.torch_process import is_cuda, prepare_process


def tune(context: TrainingContext, stage: FrozenStage) -> None:
    """The leader. Raises StoppedEarly; the best model so far is saved by then."""
    _prepare(context)
    collective = Collective(context.group)
    try:
        _lead(context, stage, collective)
    except StoppedEarly:
        _dismiss(collective)  # a stop leaves the others where they wait for the next training
        raise
    _dismiss(collective)


def follow(context: TrainingContext) -> None:
    """A process that is not the leader: the same steps on its own share of each batch, for as many trainings as the leader tells."""
    _prepare(context)
    collective = Collective(context.group)
    pictures: PictureCache | None = None
    while told := collective.from_leader(None):
        task = _task_as_told(context, told)
        pictures = pictures or PictureCache(task.data.examples, task.size)
        with suppress(StoppedEarly):  # the leader has stopped too, and says so
            for _ in TuningLoop(context, task, collective, pictures).epochs():
                pass
    collective.close()


def dismiss(context: TrainingContext) -> None:
    """The leader tells the others that there is nothing to tune."""
    _prepare(context)
    _dismiss(Collective(context.group))


def _lead(context: TrainingContext, stage: FrozenStage, collective: Collective) -> None:
    started = monotonic()
    validation = Validation(stage.data, stage.network.size, context.request.settings.seed, context.deadline.check)
    leader = Leader(context, stage, validation, make_teacher(context, stage))
    pictures, scoring_s = PictureCache(stage.data.examples, stage.network.size), 3 * stage.forward_s * len(validation.y)
    task = leader.task()
    collective.from_leader(_told(stage, task))
    context.log.note(f"fine-tuning begins after {monotonic() - started:.1f} s of preparation: {task.schedule}")
    stop_reason = leader.run(TuningLoop(context, task, collective, pictures, reserve_s=1.0 + (len(SHARES) + 1) * scoring_s))
    refits = Refits(leader, leader.choose(), stop_reason)
    while (again := refits.next_task()) is not None:
        leader.save(refits.choice, stop_reason, is_final=False)
        collective.from_leader(_told(stage, again))
        refits.run(TuningLoop(context, again, collective, pictures, reserve_s=2.0 + scoring_s), again)
    leader.save(refits.choice, stop_reason, is_final=True)


def _dismiss(collective: Collective) -> None:
    collective.from_leader({})
    collective.close()


def _prepare(context: TrainingContext) -> None:
    prepare_process(context.group, context.request.settings.seed, context.request.settings.max_runtime_s)


def _told(stage: FrozenStage, task: TuningTask) -> dict[str, Floats]:
    """What the followers cannot work out by themselves."""
    groups = {"start": task.start, "moments": task.moments}
    arrays = {f"{group}:{name}": value for group, values in groups.items() for name, value in values.items()}
    about = {
        "usable": np.array(stage.usable),
        "labels": np.array(stage.data.labels),
        "network": np.array([task.network, str(task.size)]),
        "train": task.train,
        "seed": np.array(task.seed),
        "progress": np.array([task.epochs_done, task.fraction_done]),
    }
    return arrays | about | ({"taught": task.taught} if task.taught is not None else {})


def _task_as_told(context: TrainingContext, told: dict[str, Any]) -> TuningTask:
    examples = [e for e, is_usable in zip(gather(context), told["usable"], strict=True) if is_usable]
    data = LearningSet(tuple(examples), tuple(str(label) for label in told["labels"]))
    train = told["train"]
    schedule = make_schedule(context.request.settings.hyper_parameters, len(train), context.group.world_size, is_cuda=is_cuda())
    groups: dict[str, dict[str, Floats]] = {"start": {}, "moments": {}}
    for name, value in told.items():
        group, _, rest = name.partition(":")
        if rest:
            groups[group][rest] = value
    network, size = (str(part) for part in told["network"])
    epochs_done, fraction = (float(part) for part in told["progress"])
    seed, taught = int(told["seed"]), told.get("taught")
    return TuningTask(
        network, int(size), data, train, groups["start"], schedule, seed, taught, int(epochs_done), fraction, groups["moments"]
    )
