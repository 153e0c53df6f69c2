"""Batches for training: views drawn in threads, one batch ahead of the step, already through the part of the backbone that is not trained.

Deterministic for (seed, epoch, place): which thread draws a view does not matter.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from droplearn.scenarios.learning import ProcessGroup
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.learning.threads import core_count
from droplearn.scenarios.object_detection.assignment import assign
from droplearn.scenarios.object_detection.inference import Graph
from droplearn.scenarios.object_detection.training.augmentation import Augmentation, Subject, View
from droplearn.scenarios.object_detection.training.examples import LearningSet
from droplearn.scenarios.object_detection.training.pictures import PictureCache

LARGEST_PART, SMALLEST_PART = 4, 2
"""Views that are computed at once, on one core: larger parts are no faster. Smaller ones where cores would have nothing to do."""


def threads_of(group: ProcessGroup) -> int:
    """Cores of this process, where several share a host."""
    return max(1, core_count() // int(os.environ.get("LOCAL_WORLD_SIZE", "1") if group.world_size > 1 else 1))


class Part(NamedTuple):
    """`first`: the first feature map (b, C, S/8, S/8); `labels` (b, P) and `boxes` (b, P, 4) as assigned."""

    first: Floats
    labels: Integers
    boxes: Floats


class ViewLoader:
    """Draws views of a learning set's training pictures: this process's share of each batch."""

    def __init__(self, data: LearningSet, cache: PictureCache, early: Graph, train: Integers, seed: int, group: ProcessGroup) -> None:
        self._data, self._cache, self._early, self._train, self._seed, self._group = data, cache, early, train, seed, group
        self._threads = threads_of(group)
        self._pool = ThreadPoolExecutor(self._threads, "views")

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def batches(self, epoch: int, first_place: int, batches: Sequence[Integers], augmentation: Augmentation) -> Iterator[list[Part]]:
        """The parts of this process's share of each batch of indices. first_place: the place of the first batch in the epoch."""
        ahead: list[Future[Part]] = []
        for place, indices in enumerate(batches):
            current = ahead or self._begin(epoch, first_place + place, indices, augmentation)
            following = batches[place + 1] if place + 1 < len(batches) else None
            ahead = [] if following is None else self._begin(epoch, first_place + place + 1, following, augmentation)
            yield [future.result() for future in current]

    def _begin(self, epoch: int, place: int, indices: Integers, augmentation: Augmentation) -> list[Future[Part]]:
        own = [(int(indices[i]), (self._seed, epoch, place, i)) for i in range(self._group.rank, len(indices), self._group.world_size)]
        part = max(SMALLEST_PART, min(LARGEST_PART, -(-len(own) // self._threads)))
        return [self._pool.submit(self._part, own[start : start + part], augmentation) for start in range(0, len(own), part)]

    def _part(self, wanted: Sequence[tuple[int, tuple[int, ...]]], augmentation: Augmentation) -> Part:
        """Of (index, seed) pairs. A view's seed is its place in the whole batch: how many processes share it does not matter."""
        views = [self._view(index, np.random.default_rng(seed), augmentation) for index, seed in wanted]
        targets = [assign(view.boxes, view.labels, view.is_ignored, augmentation.size) for view in views]
        return Part(
            self._early.early(np.stack([view.pixels for view in views])),
            np.stack([target.labels for target in targets]),
            np.stack([target.boxes for target in targets]),
        )

    def _view(self, index: int, random: np.random.Generator, augmentation: Augmentation) -> View:
        return augmentation.view(self._subject(index), lambda n: self._subject(self._train[n]), len(self._train), random)

    def _subject(self, index: int) -> Subject:
        truth = self._data.truths[index]
        return Subject(self._cache.get(self._data.pictures[index].number), truth.boxes, truth.labels, truth.is_difficult)
