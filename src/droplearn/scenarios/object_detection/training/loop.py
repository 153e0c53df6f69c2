"""The rounds of a training, the same in every process: batches, steps, time. What to make of a round is the leader's business."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from droplearn.networks.detector_plan import DetectorPlan
from droplearn.scenarios.learning import StoppedEarly, TrainingContext
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.learning.collective import Collective
from droplearn.scenarios.object_detection.inference import Graph
from droplearn.scenarios.object_detection.training.augmentation import MOSAIC_SHARE, Augmentation
from droplearn.scenarios.object_detection.training.examples import LearningSet
from droplearn.scenarios.object_detection.training.loader import ViewLoader
from droplearn.scenarios.object_detection.training.network import DetectorTraining, MovingAverage
from droplearn.scenarios.object_detection.training.pictures import PictureCache
from droplearn.scenarios.object_detection.training.schedule import PLAIN_SHARE, Schedule, repeats

_GO_ON, _CUT, _END = 0.0, 1.0, 2.0
_TIME_SLACK = 0.05
"""Of the time: so much later than by steps, the end comes by time. Where time is enough, it then has no say, and runs are repeatable."""


@dataclass(frozen=True)
class TrainingTask:
    """What is to be trained, and from where. `rounds_done`, `moments`, `average`: of an earlier attempt."""

    plan: DetectorPlan
    size: int
    data: LearningSet
    cache: PictureCache
    early: Graph
    train: Integers
    start: Mapping[str, Floats]
    schedule: Schedule
    rounds_done: int = 0
    fraction_done: float = 0.0
    moments: Mapping[str, Floats] = field(default_factory=dict)
    average: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def kinds(self) -> list[set[int]]:
        """Labels on each training picture."""
        truths = [self.data.truths[i] for i in self.train]
        return [set(truth.labels[truth.is_difficult == 0].tolist()) for truth in truths]


@dataclass(frozen=True)
class RoundDone:
    """`number` and `epoch` count from 1. `is_cut`: time is up, the round is not whole."""

    number: int
    epoch: int
    classification_loss: float
    localization_loss: float
    is_cut: bool


class TrainingLoop:
    """`fraction`: of the training that is done, by steps or by time, whichever is further; it drives the learning rate."""

    def __init__(self, context: TrainingContext, task: TrainingTask, collective: Collective, reserve_s: float) -> None:
        self._context, self._task, self._collective = context, task, collective
        self.reserve_s, self.fraction = reserve_s, task.fraction_done
        self._begun_s, self._given_s = context.deadline.elapsed_s(), max(1.0, context.deadline.remaining_s() - reserve_s)
        self.network = DetectorTraining(task.plan, task.size, task.start, task.schedule.learning_rate, context.group)
        self.network.load_moments(task.moments)
        self.average = MovingAverage(self.network, task.schedule.ema_decay, task.average)
        self._loader = ViewLoader(task.data, task.cache, task.early, task.train, context.request.settings.seed, context.group)
        self._wants_end = False

    @property
    def schedule(self) -> Schedule:
        """Of the task."""
        return self._task.schedule

    def rounds(self) -> Iterator[RoundDone]:
        """One after the other, until all are done, time is up, or the leader asked for the end. Raises StoppedEarly in every process."""
        try:
            for number in range(self._task.rounds_done, self.schedule.rounds):
                done = self._round(number)
                yield done
                agreed = self._agree()
                if agreed == _END and not self._wants_end and (reason := self._context.deadline.interruption()) is not None:
                    raise StoppedEarly(reason)
                if agreed == _END or done.is_cut:
                    return
        finally:
            self._loader.close()
            self.network.close()

    def end(self) -> None:
        """The leader's wish, asked for after a round."""
        self._wants_end = True

    def leave(self) -> None:
        """The leader was stopped between rounds: tells the others, who wait for its wish."""
        self.end()
        self._collective.largest(_END, self.fraction)

    def _round(self, number: int) -> RoundDone:
        epoch, first, batches = self._batches(number)
        mosaic = MOSAIC_SHARE if self.fraction < PLAIN_SHARE else 0.0
        losses: list[tuple[float, float]] = []
        is_cut = False
        for place, parts in enumerate(self._loader.batches(epoch, first, batches, Augmentation(self._task.size, mosaic))):
            step = epoch * self.schedule.steps_per_epoch + first + place
            agreed = self._agree(step)
            if agreed == _END:
                raise StoppedEarly(self._context.deadline.interruption() or "stop_requested")
            if is_cut := agreed == _CUT:
                break
            losses.append(self.network.step(parts, self.schedule.rate_factor(step, self.fraction)))
            self.average.update(step)
            self._context.log.progress("train", step + 1, self.schedule.steps)
        classification, localization = np.mean(losses, axis=0) if losses else (0.0, 0.0)
        return RoundDone(number + 1, epoch + 1, float(classification), float(localization), is_cut)

    def _batches(self, number: int) -> tuple[int, int, list[Integers]]:
        """The epoch, the round's first batch in it, and its batches."""
        schedule = self.schedule
        epoch, place = divmod(number, schedule.rounds_per_epoch)
        random = np.random.default_rng((self._context.request.settings.seed, epoch))
        shown = random.permutation(np.repeat(self._task.train, repeats(self._task.kinds, random)))
        batches = np.resize(shown, (schedule.steps_per_epoch, schedule.batch_size))
        first = place * schedule.steps_per_round
        return epoch, first, list(batches[first : first + schedule.steps_per_round])

    def _agree(self, step: int | None = None) -> float:
        """The strongest wish of all processes; moves `fraction` on, to the same value everywhere."""
        deadline = self._context.deadline
        wish = _END if deadline.interruption() or self._wants_end else _CUT if deadline.remaining_s() < self.reserve_s else _GO_ON
        if step is None and wish == _CUT:
            wish = _GO_ON
        by_time = max(0.0, ((deadline.elapsed_s() - self._begun_s) / self._given_s - _TIME_SLACK) / (1 - _TIME_SLACK))
        by_time = self._task.fraction_done + (1 - self._task.fraction_done) * by_time
        by_steps = self.fraction if step is None else step / self.schedule.steps
        wish, self.fraction = self._collective.largest(wish, max(self.fraction, by_time, by_steps))
        return wish
