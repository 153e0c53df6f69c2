"""Scores networks on the validation pictures, by ONNX Runtime: the numbers are those of the network as it is served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from droplearn.scenarios.learning.arrays import Integers
from droplearn.scenarios.learning.threads import in_threads
from droplearn.scenarios.object_detection.boxes import Detections
from droplearn.scenarios.object_detection.inference import Graph
from droplearn.scenarios.object_detection.measuring import Asked, Measured, look, measure
from droplearn.scenarios.object_detection.metrics import AveragePrecision
from droplearn.scenarios.object_detection.training.drafts import HeldOut, Network
from droplearn.scenarios.object_detection.training.examples import LearningSet
from droplearn.scenarios.object_detection.training.pictures import PictureCache

MAX_VALIDATION = 500
"""More validation pictures than this are sampled."""


@dataclass(frozen=True)
class Scored:
    """A candidate on the validation pictures."""

    found: Sequence[Detections]
    precision: AveragePrecision
    metrics: dict[str, float]

    @property
    def fitness(self) -> float:
        """What is compared: the mean of both average precisions. The finer one steadies the choice where pictures are few."""
        return 0.5 * (self.metrics["map_50"] + self.metrics["map_50_95"])


class Validation:
    """The validation pictures, ready for the network."""

    def __init__(self, data: LearningSet, cache: PictureCache, size: int, seed: int, check: Callable[[], None]) -> None:
        found = data.indices("validation")
        if len(found) > MAX_VALIDATION:
            found = np.sort(np.random.default_rng(seed).permutation(found)[:MAX_VALIDATION])
        self.indices: Integers = found
        self._check, self._label_count = check, len(data.labels)
        made = in_threads(lambda i: (i, Asked.make(cache.get(data.pictures[i].number), data.truths[i], size)), found.tolist(), check)
        asked = dict(made)
        self._asked = [asked[i] for i in found.tolist()]

    def score(self, network: Network) -> Scored:
        """Raises what `check` raises."""
        graph = Graph(network.graph())
        looked = in_threads(lambda p: (p, look(graph, self._asked[p], network.nms_iou)), list(range(len(self._asked))), self._check)
        return self._scored(dict(looked))

    def _scored(self, looked: dict[int, Measured]) -> Scored:
        rows = [looked[place] for place in sorted(looked)]
        precision, metrics = measure([a.truth for a in self._asked], rows, self._label_count)
        return Scored([row.found for row in rows], precision, metrics)

    def held_out(self, scored: Scored) -> HeldOut:
        """For a draft."""
        return HeldOut(self.indices, scored.found, scored.metrics)
