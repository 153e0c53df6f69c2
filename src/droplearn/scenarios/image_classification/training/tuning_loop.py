"""The epochs of fine-tuning, the same in every process: batches, steps, time. What to make of an epoch is the leader's business
(tuned_stage.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from droplearn.scenarios.image_classification.training.pictures import BatchLoader, PictureCache
from droplearn.scenarios.image_classification.training.schedule import Schedule, training_size
from droplearn.scenarios.image_classification.training.targets import label_prior, targets_of
from droplearn.scenarios.image_classification.training.tuning_network import MovingAverage, TuningNetwork
from droplearn.scenarios.learning import StoppedEarly, TrainingContext
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.learning.collective import Collective
from droplearn.scenarios.learning.labelled_examples import LearningSet
from droplearn.scenarios.pictures import Pixels

_GO_ON, _CUT, _END = 0.0, 1.0, 2.0
_TIME_SLACK = 0.05
"""Of the time: so much later than by steps, the end comes by time. Where time is enough, it then has no say, and runs are repeatable."""


@dataclass(frozen=True)
class TuningTask:
    """What is to be tuned, and from where. `taught`: a teacher's (N, K), a row for each example. `epochs_done`, `moments`, `average`: of an
    earlier attempt.
    """

    network: str
    size: int
    data: LearningSet
    train: Integers
    start: Mapping[str, Floats]
    schedule: Schedule
    seed: int
    taught: Floats | None = None
    epochs_done: int = 0
    fraction_done: float = 0.0
    moments: Mapping[str, Floats] = field(default_factory=dict)
    average: Mapping[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True)
class EpochDone:
    """`epoch` counts from 1. `is_cut`: time is up."""

    epoch: int
    train_loss: float
    is_cut: bool


class TuningLoop:
    """`fraction`: of the training that is done, by steps or by time, whichever is further; it drives the learning rate."""

    def __init__(
        self, context: TrainingContext, task: TuningTask, collective: Collective, pictures: PictureCache, reserve_s: float = 0.0
    ) -> None:
        self._context, self._task, self._collective = context, task, collective
        self.reserve_s = reserve_s
        self.fraction = task.fraction_done
        self._begun_s, self._given_s = context.deadline.elapsed_s(), max(1.0, context.deadline.remaining_s() - reserve_s)
        self._y = task.data.y
        prior = label_prior(self._y[task.train], len(task.data.labels))
        self.network = TuningNetwork(task.network, task.start, prior, task.schedule, context.group)
        self.network.load_moments(task.moments)
        self.average = MovingAverage(self.network, task.schedule.ema_decay, task.average)
        self._loader = BatchLoader(pictures, task.seed, context.group)
        self._wants_end = False

    def epochs(self) -> Iterator[EpochDone]:
        """One after the other, until all are done, time is up, or the leader asked for the end. Raises StoppedEarly in every process."""
        try:
            for epoch in range(self._task.epochs_done, self._task.schedule.epochs):
                done = self._epoch(epoch)
                yield done
                if self._agree() == _END or done.is_cut:
                    return
        finally:
            self._loader.close()
            self.network.close()

    @property
    def schedule(self) -> Schedule:
        """Of the task."""
        return self._task.schedule

    def end(self) -> None:
        """The leader's wish, asked for after an epoch."""
        self._wants_end = True

    def leave(self) -> None:
        """The leader was stopped between epochs: tells the others, who wait for its wish."""
        self.end()
        self._collective.largest(_END, self.fraction)

    def _epoch(self, epoch: int) -> EpochDone:
        group, schedule = self._context.group, self._task.schedule
        order = np.random.default_rng((self._task.seed, epoch)).permutation(self._task.train)
        batches = order[: schedule.steps_per_epoch * schedule.batch_size].reshape(schedule.steps_per_epoch, -1)[
            :, group.rank :: group.world_size
        ]
        losses: list[float] = []
        for place, pixels in enumerate(self._loader.batches(epoch, list(batches), training_size(self._task.size))):
            step = epoch * schedule.steps_per_epoch + place
            agreed = self._agree(step)
            if agreed == _END:
                raise StoppedEarly(self._context.deadline.interruption() or "stop_requested")
            if agreed == _CUT:
                return EpochDone(epoch + 1, float(np.mean(losses)) if losses else 0.0, is_cut=True)
            losses.append(self._step(pixels, batches[place], step))
            self.average.update(step)
            self._context.log.progress("finetune", step + 1, schedule.steps)
        return EpochDone(epoch + 1, float(np.mean(losses)), is_cut=False)

    def _step(self, pixels: Pixels, indices: Integers, step: int) -> float:
        total = 0.0
        seed = (self._task.seed, step, self._context.group.rank)
        taught = self._task.taught[indices] if self._task.taught is not None else None
        targets = targets_of(self._y[indices], len(self._task.data.labels), taught)
        for loss in self.network.step(pixels, targets, self.schedule.rate_factor(step, self.fraction), seed):
            total += loss
            if self._context.group.world_size == 1:
                self._context.deadline.check()
        return total

    def _agree(self, step: int | None = None) -> float:
        """The strongest wish of all processes; moves `fraction` on, to the same value everywhere."""
        deadline = self._context.deadline
        wish = _END if deadline.interruption() or self._wants_end else _CUT if deadline.remaining_s() < self.reserve_s else _GO_ON
        if step is None and wish == _CUT:
            wish = _GO_ON
        by_time = max(0.0, ((deadline.elapsed_s() - self._begun_s) / self._given_s - _TIME_SLACK) / (1 - _TIME_SLACK))
        by_time = self._task.fraction_done + (1 - self._task.fraction_done) * by_time
        by_steps = self.fraction if step is None else step / self._task.schedule.steps
        wish, self.fraction = self._collective.largest(wish, max(self.fraction, by_time, by_steps))
        return wish
