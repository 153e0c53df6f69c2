"""Scores networks on the validation examples, by ONNX Runtime: the numbers are those of the network as it is served, and five times
faster than torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from droplearn.networks.lite_table import lite_network
from droplearn.networks.onnx_graph import features_graph
from droplearn.scenarios.image_classification.inference import CHUNK, Graph
from droplearn.scenarios.image_classification.pixels import prepare
from droplearn.scenarios.learning.arrays import Floats, softmax
from droplearn.scenarios.learning.calibration import fit_temperature
from droplearn.scenarios.learning.labelled_examples import LearningSet
from droplearn.scenarios.learning.logistic_regression import LinearHead
from droplearn.scenarios.learning.metrics import classification_metrics
from droplearn.scenarios.learning.threads import in_threads
from droplearn.scenarios.pictures import Pixels

MAX_VALIDATION = 2000
"""More validation examples than this are sampled: half a point of standard error is fine enough."""
HEAD_WEIGHT, HEAD_BIAS = "classifier.weight", "classifier.bias"
Arrays = Mapping[str, Floats]


@dataclass(frozen=True)
class Scored:
    """A candidate on the validation examples. `loss` is the log loss at the fitted temperature."""

    probabilities: Floats
    temperature: float
    metrics: dict[str, float]

    @property
    def loss(self) -> float:
        """Nats."""
        return self.metrics["log_loss"]


class Validation:
    """The validation examples, their pixels ready."""

    def __init__(self, data: LearningSet, size: int, seed: int, check: Callable[[], None]) -> None:
        found = data.indices("validation")
        if len(found) > MAX_VALIDATION:
            found = np.sort(np.random.default_rng(seed).permutation(found)[:MAX_VALIDATION])
        self.indices, self.y = found, data.y[found]
        self._check = check
        examples = [data.examples[i] for i in found]
        places = list(range(len(examples)))
        pixels: dict[int, Pixels] = dict(in_threads(lambda i: (i, prepare(examples[i].read(), size).pixels), places, check))
        self._chunks: Sequence[tuple[int, Pixels]] = [
            (i, np.stack([pixels[j] for j in places[i : i + CHUNK]])) for i in range(0, len(places), CHUNK)
        ]
        self._size = size

    def score_network(self, network: str, arrays: Arrays) -> Scored:
        """Backbone and head. Raises what `check` raises."""
        graph = Graph(features_graph(lite_network(network), arrays, self._size).SerializeToString())
        rows = dict(in_threads(lambda chunk: (chunk[0], graph.run(chunk[1])), self._chunks, self._check))
        return self.score(np.concatenate([rows[place] for place in sorted(rows)]), head_of(arrays))

    def losses(self, score: Scored) -> Floats:
        """(V,) nats of each validation example."""
        losses: Floats = -np.log(np.maximum(score.probabilities[np.arange(len(self.y)), self.y], 1e-12))
        return losses

    def score(self, features: Floats, head: LinearHead) -> Scored:
        """features: (N, D) of the validation examples."""
        logits = head.logits(features)
        temperature = fit_temperature(logits, self.y)
        probabilities = softmax(logits / temperature)
        return Scored(probabilities, temperature, classification_metrics(self.y, probabilities))


def is_clearly_worse(losses: Floats, lowest: Floats) -> bool:
    """Whether by more than the standard error of the mean difference. Both: (V,), of the same examples."""
    difference = losses - lowest
    return bool(difference.mean() > difference.std() / np.sqrt(len(difference)))


def head_of(arrays: Arrays) -> LinearHead:
    """The last layer."""
    return LinearHead(np.asarray(arrays[HEAD_WEIGHT]), np.asarray(arrays[HEAD_BIAS]))


def with_head(backbone: Arrays, head: LinearHead) -> dict[str, Floats]:
    """The reverse."""
    return {**backbone, HEAD_WEIGHT: head.weight, HEAD_BIAS: head.bias}


def between(start: Arrays, end: Arrays, share: float) -> dict[str, Floats]:
    """Weights on the line from start (share 0) to end (share 1).

    Source: Wortsman et al., "Robust fine-tuning of zero-shot models", 2022. Sound here because batch normalisation is frozen.
    """
    return {name: ((1 - share) * start[name] + share * end[name]).astype(np.float32) for name in end}
