"""Pictures for fine-tuning: decoded once, kept small in memory as far as it goes; random crops, deterministic for (seed, epoch, place)."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

import numpy as np
from PIL import Image

from droplearn.scenarios.image_classification.pixels import short_side_for
from droplearn.scenarios.learning import ProcessGroup
from droplearn.scenarios.learning.arrays import Integers
from droplearn.scenarios.learning.labelled_examples import LearningExample
from droplearn.scenarios.learning.threads import core_count
from droplearn.scenarios.pictures import Pixels, decode

_SMALLEST_AREA, _LOG_ASPECT = 0.25, math.log(4 / 3)
_MEMORY_SHARE = 0.25


class PictureCache:
    """`get(i)`: the whole picture of example i, short side as for the network's input size. Threads may share it."""

    def __init__(self, examples: Sequence[LearningExample], size: int, max_bytes: int | None = None) -> None:
        self._examples, self._short_side = examples, short_side_for(size)
        self._room = _memory_bytes() * _MEMORY_SHARE if max_bytes is None else max_bytes
        self._kept: dict[int, Pixels] = {}
        self._lock = Lock()

    def get(self, index: int) -> Pixels:
        """(H, W, 3). Raises OSError or UndecodableImage only if the object changed since the deep check."""
        if (kept := self._kept.get(index)) is not None:
            return kept
        pixels = _shrink(decode(self._examples[index].read(), short_side=self._short_side).pixels, self._short_side)
        with self._lock:
            if index not in self._kept and self._room >= pixels.nbytes:
                self._room -= pixels.nbytes
                self._kept[index] = pixels
        return pixels


class BatchLoader:
    """Crops this process's share of batches in threads, one batch ahead of the training step. The crops are those of a single process."""

    def __init__(self, cache: PictureCache, seed: int, group: ProcessGroup) -> None:
        self._cache, self._seed, self._group = cache, seed, group
        self._pool = ThreadPoolExecutor(max(1, min(8, core_count())), "crops")

    def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def batches(self, epoch: int, batches: Sequence[Integers], size: int) -> Iterator[Pixels]:
        """(B, size, size, 3) for each array of indices: every `world_size`-th of the whole batch, from `rank` on."""
        ahead: list[Future[Pixels]] = []
        for place, indices in enumerate(batches):
            current = ahead or self._begin(epoch, place, indices, size)
            ahead = self._begin(epoch, place + 1, batches[place + 1], size) if place + 1 < len(batches) else []
            yield np.stack([future.result() for future in current])

    def _begin(self, epoch: int, place: int, indices: Integers, size: int) -> list[Future[Pixels]]:
        positions = range(self._group.rank, len(indices) * self._group.world_size, self._group.world_size)
        return [
            self._pool.submit(self._crop, int(index), size, (self._seed, epoch, place, position))
            for position, index in zip(positions, indices, strict=True)
        ]

    def _crop(self, index: int, size: int, seed: tuple[int, ...]) -> Pixels:
        return random_crop(self._cache.get(index), size, np.random.default_rng(seed))


def random_crop(pixels: Pixels, size: int, random: np.random.Generator) -> Pixels:
    """A random part, 25 to 100 % of the area, as (S, S, 3), half of them mirrored. Source: Szegedy et al., "Going Deeper with
    Convolutions", 2014.
    """
    height, width = pixels.shape[:2]
    box = _random_box(height, width, random)
    crop = Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR, box=box)
    if random.random() < 0.5:
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(crop)


def _random_box(height: int, width: int, random: np.random.Generator) -> tuple[float, float, float, float]:
    for _ in range(5):
        area = height * width * random.uniform(_SMALLEST_AREA, 1)
        aspect = math.exp(random.uniform(-_LOG_ASPECT, _LOG_ASPECT))
        w, h = math.sqrt(area * aspect), math.sqrt(area / aspect)
        if w <= width and h <= height:
            break
    else:
        w = h = min(height, width)
    left, top = random.uniform(0, width - w), random.uniform(0, height - h)
    return left, top, left + w, top + h


def _shrink(pixels: Pixels, short_side: int) -> Pixels:
    height, width = pixels.shape[:2]
    scale = short_side / min(height, width)
    if scale >= 1:
        return np.ascontiguousarray(pixels)
    size = (max(short_side, round(width * scale)), max(short_side, round(height * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0))


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
