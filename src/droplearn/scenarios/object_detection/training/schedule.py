"""How a training goes: numbers of the recipe, the user's instead where given, the learning rate over time, the input's size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from droplearn.contracts.training import HyperParameters
from droplearn.networks.detector_plan import SIZE_MULTIPLE
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.learning.rates import average_decay, warmup_cosine

LEARNING_RATE, BACKBONE_FACTOR = 2e-3, 0.2
WEIGHT_DECAY = 0.02
WARMUP_STEPS = 40
LARGEST_GRADIENT = 5.0
LAST_RATE = 0.02
"""Of the learning rate, at the end: the schedule may end before the time does."""
PLAIN_SHARE = 0.85
"""From this part of the training on, no mosaics: the last steps see pictures as they will be seen."""
VIEWS, MIN_EPOCHS, MAX_EPOCHS = 9000, 15, 120
"""Without a wish: as many epochs as show this many views, but 15 to 120; fewer where time is short."""
_ROUND_VIEWS = 600
"""At the base size: the network is validated after an epoch, or after so many views where an epoch is longer."""
_MEDIAN_PX, _SMALL_PX = 22.0, 12.0
"""In the network's input: the median object of each label, and the smallest tenth of all objects, should have this side at least."""
_SIZE_LIMIT = 1.6
"""Of the preset's size."""
_AFFORDED_EPOCHS = 20
"""A larger input must leave time for so many: with fewer the network does not learn enough to profit from it."""
_BATCHES = ((150, 4), (1500, 8))
"""Up to so many pictures, batches of so many: few pictures need more steps. Beyond: 16."""


@dataclass(frozen=True)
class Schedule:
    """`epochs` at most; `batch_size` over all processes together."""

    epochs: int
    steps_per_epoch: int
    steps_per_round: int
    batch_size: int
    learning_rate: float
    warmup_steps: int

    @property
    def steps(self) -> int:
        """In all epochs."""
        return self.epochs * self.steps_per_epoch

    @property
    def rounds_per_epoch(self) -> int:
        """A network is validated after each."""
        return math.ceil(self.steps_per_epoch / self.steps_per_round)

    @property
    def rounds(self) -> int:
        """In all epochs."""
        return self.epochs * self.rounds_per_epoch

    @property
    def patience(self) -> int:
        """Rounds without a gain that end the training."""
        return max(8, math.ceil(self.rounds * 0.5))

    @property
    def ema_decay(self) -> float:
        """Of the moving average of the weights: it looks back over a tenth of the training."""
        return average_decay(self.steps)

    def rate_factor(self, step: int, fraction: float) -> float:
        """Of the learning rate: linear warm-up, then cosine. fraction: of the training, by steps or by time, whichever is further."""
        return warmup_cosine(step, fraction, self.warmup_steps, LAST_RATE)


def make_schedule(wishes: HyperParameters, views_per_epoch: int, size: int, base_size: int, world_size: int) -> Schedule:
    """Wishes are kept as they are, but a batch cannot exceed the pictures and must divide over the processes."""
    default = next((batch for limit, batch in _BATCHES if views_per_epoch <= limit), 16)
    batch = min(wishes.batch_size or default, views_per_epoch)
    batch = max(world_size, batch // world_size * world_size)
    steps_per_epoch = max(1, views_per_epoch // batch)
    epochs = wishes.epochs or min(MAX_EPOCHS, max(MIN_EPOCHS, math.ceil(VIEWS / views_per_epoch)))
    rate = wishes.learning_rate or LEARNING_RATE * math.sqrt(max(1.0, batch / 8))
    warmup = min(WARMUP_STEPS, epochs * steps_per_epoch // 4)
    if wishes.warmup_epochs is not None:
        warmup = round(wishes.warmup_epochs * steps_per_epoch)
    rounds = max(1, round(views_per_epoch * (size / base_size) ** 2 / _ROUND_VIEWS))
    return Schedule(epochs, steps_per_epoch, math.ceil(steps_per_epoch / rounds), batch, rate, warmup)


def choose_size(base_size: int, sides: Floats, labels: Integers) -> int:
    """The input's side in pixels: the preset's, more where objects are small. sides: the objects', as parts of the picture's."""
    medians = [float(np.median(sides[labels == label])) for label in np.unique(labels)]
    needed = max(_MEDIAN_PX / max(min(medians), 1e-6), _SMALL_PX / max(float(np.quantile(sides, 0.1)), 1e-6))
    largest = int(base_size * _SIZE_LIMIT / SIZE_MULTIPLE) * SIZE_MULTIPLE
    return int(min(max(base_size, math.ceil(needed / SIZE_MULTIPLE) * SIZE_MULTIPLE), largest))


def affordable_size(wanted: int, base_size: int, views: int, view_s: float, time_s: float) -> int:
    """A larger input than the preset's only as far as time is left for enough epochs.

    views: of an epoch. view_s: seconds that learning from a view takes at the base size, all cores busy.
    """
    per_view = time_s / (_AFFORDED_EPOCHS * views * view_s)
    largest = int(base_size * math.sqrt(max(per_view, 1.0)) / SIZE_MULTIPLE) * SIZE_MULTIPLE
    return max(base_size, min(wanted, largest))


def repeats(kinds: list[set[int]], random: np.random.Generator) -> Integers:
    """How often each picture is shown in an epoch. kinds: the labels on it.

    Pictures of rare labels are shown more often, up to four times; pictures with nothing on them at most as many as those with something.
    Source: Gupta et al., "LVIS", 2019, section 3.2 (repeat factor sampling); the threshold is half the most frequent label's share.
    """
    counts: dict[int, int] = {}
    for kind in kinds:
        for label in kind:
            counts[label] = counts.get(label, 0) + 1
    most = max(counts.values())
    wanted = np.array([max((min(4.0, math.sqrt(max(1.0, 0.5 * most / counts[label]))) for label in kind), default=0.0) for kind in kinds])
    empty = wanted == 0
    wanted[empty] = min(1.0, float((~empty).sum()) / max(1, int(empty.sum())))
    whole = np.floor(wanted)
    return (whole + (random.random(len(kinds)) < wanted - whole)).astype(np.int64)
