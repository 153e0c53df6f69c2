"""How a fine-tuning goes: numbers of the recipe, the user's instead where given, and the learning rate over time."""

from __future__ import annotations

import math
from dataclasses import dataclass

from droplearn.contracts.training import HyperParameters
from droplearn.scenarios.learning.rates import average_decay, warmup_cosine

LEARNING_RATE, HEAD_FACTOR = 3e-4, 3.0
WEIGHT_DECAY, DROPOUT = 0.02, 0.2
FIXED_BLOCKS = 3
"""The stem and so many blocks keep ImageNet's weights: edges and textures are the same everywhere, and their maps are the largest. A step
takes a quarter less time.
"""
WARMUP_STEPS = 20
BATCH_SIZE, CUDA_BATCH_SIZE = 32, 64
MIN_STEPS, MIN_EPOCHS, MAX_EPOCHS = 150, 6, 30
"""Without a wish: as many epochs as make 150 steps, but 6 to 30; fewer where time is short."""
TRAINING_SIZE = 0.86
"""Of the input size: 224 of 256. Random crops enlarge what they show, so the smaller picture shows things at the size at which they are
seen later.
Source: Touvron et al., "Fixing the train-test resolution discrepancy", 2019. Measured: docs/explanation/learning-recipe.md.
"""


@dataclass(frozen=True)
class Schedule:
    """`epochs` at most; `batch_size` over all processes together."""

    epochs: int
    steps_per_epoch: int
    batch_size: int
    learning_rate: float
    warmup_steps: int

    @property
    def steps(self) -> int:
        """In all epochs."""
        return self.epochs * self.steps_per_epoch

    @property
    def patience(self) -> int:
        """Epochs without a gain that end the training."""
        return max(4, math.ceil(self.epochs * 0.5))

    @property
    def ema_decay(self) -> float:
        """Of the moving average of the weights: it looks back over a tenth of the training."""
        return average_decay(self.steps)

    def rate_factor(self, step: int, fraction: float) -> float:
        """Of the learning rate: linear warm-up, then cosine. fraction: of the training, by steps or by time, whichever is further."""
        return warmup_cosine(step, fraction, self.warmup_steps)


def make_schedule(wishes: HyperParameters, train_count: int, world_size: int, *, is_cuda: bool) -> Schedule:
    """Wishes are kept as they are, but a batch cannot exceed the examples and must divide over the processes."""
    default = CUDA_BATCH_SIZE * world_size if is_cuda else BATCH_SIZE
    batch = min(wishes.batch_size or default, train_count)
    batch = max(world_size, batch // world_size * world_size)
    steps_per_epoch = max(1, train_count // batch)
    epochs = wishes.epochs or min(MAX_EPOCHS, max(MIN_EPOCHS, math.ceil(MIN_STEPS / steps_per_epoch)))
    rate = wishes.learning_rate or LEARNING_RATE * math.sqrt(max(1.0, batch / BATCH_SIZE))
    warmup = min(WARMUP_STEPS, epochs * steps_per_epoch // 4)
    if wishes.warmup_epochs is not None:
        warmup = round(wishes.warmup_epochs * steps_per_epoch)
    return Schedule(epochs, steps_per_epoch, batch, rate, warmup)


def training_size(size: int) -> int:
    """Side in pixels, a multiple of 32, of a network that is served at `size`."""
    return max(32, round(size * TRAINING_SIZE / 32) * 32)
