"""Sounds for the small network: decoded once, each in several altered versions, as the spectrograms that its ONNX graph computes too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.learning.labelled_examples import LearningExample
from droplearn.scenarios.learning.threads import in_threads
from droplearn.scenarios.sound_classification.audio import Samples, decode
from droplearn.scenarios.sound_classification.inference import SoundGraph
from droplearn.scenarios.sound_classification.small_graph import HOP_SAMPLES, spectrogram_graph
from droplearn.scenarios.sound_classification.training.versions import altered
from droplearn.scenarios.sound_classification.windows import FFT_SAMPLES, WindowShape, cut

Pictures = NDArray[np.float32]
"""(n, 1, M, T)."""
_LONG_PERCENTILE = 90
_FEWEST_FRAMES = 32
"""Four poolings leave two."""


@dataclass(frozen=True)
class Sounds:
    """`samples`, each cut to a window, the loudest sample at 1; `crop`: how many the network looks at."""

    samples: Sequence[Samples]
    crop: int

    def plain(self, indices: Integers, check: Callable[[], None]) -> Pictures:
        """(n, 1, M, T), as they are."""
        return self._pictures(indices, check, lambda i: np.resize(self.samples[i], self.crop))

    def version(self, number: int, seed: int, indices: Integers, check: Callable[[], None]) -> Pictures:
        """(n, 1, M, T): an altered version of each, another one for each number."""
        return self._pictures(indices, check, lambda i: self._altered(i, number, seed))

    def _altered(self, index: int, number: int, seed: int) -> Samples:
        random = np.random.default_rng([seed, number, index])
        changed = altered(self.samples[index], [seed, number, index])
        start = int(random.integers(max(0, len(changed) - self.crop) + 1))
        return np.resize(changed[start:], self.crop) / max(float(np.abs(changed).max()), 1e-4)

    def _pictures(self, indices: Integers, check: Callable[[], None], make: Callable[[int], Samples]) -> Pictures:
        graph = SoundGraph(spectrogram_graph(self.crop).SerializeToString())
        found = dict(in_threads(lambda i: (i, graph.run(make(i)[None].astype(np.float32))), indices.tolist(), check))
        return np.stack([found[i] for i in indices.tolist()])


def read_sounds(examples: Sequence[LearningExample], shape: WindowShape, check: Callable[[], None]) -> Sounds:
    """Of each, its first window or all of it. Raises OSError or UndecodableSound only if an object changed since the deep check."""
    found = dict(in_threads(lambda i: (i, _loud(examples[i], shape)), range(len(examples)), check))
    samples = [found[i] for i in range(len(examples))]
    least = (_FEWEST_FRAMES - 1) * HOP_SAMPLES + FFT_SAMPLES
    usual = int(np.percentile([len(s) for s in samples], _LONG_PERCENTILE))
    return Sounds(samples, min(max(usual, least), shape.samples))


def predict(graph: SoundGraph, sounds: Sounds, indices: Integers, check: Callable[[], None]) -> Floats:
    """(n, K): the whole model's answers."""
    found = dict(in_threads(lambda i: (i, graph.run(cut(sounds.samples[i], graph.shape))), indices.tolist(), check))
    return np.stack([found[i] for i in indices.tolist()])


def _loud(example: LearningExample, shape: WindowShape) -> Samples:
    samples = decode(example.read()).samples[: shape.samples]
    return samples / max(float(np.abs(samples).max()), 1e-4)
