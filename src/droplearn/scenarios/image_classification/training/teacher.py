"""A teacher for fine-tuning: a logistic regression on the features of every pretrained network together, the one that is tuned included.
Better than any of them frozen, too slow to serve.

It speaks only of examples that it has not seen: so it tells what a picture looks like, not what was learnt by heart.
Source: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from droplearn.networks.backbones import SIZES, backbone_file
from droplearn.scenarios.image_classification.inference import Graph
from droplearn.scenarios.image_classification.training.features import FeatureTable, extract
from droplearn.scenarios.image_classification.training.frozen import cross_validated_count
from droplearn.scenarios.image_classification.training.frozen_stage import FrozenStage, time_forward
from droplearn.scenarios.image_classification.training.targets import label_prior
from droplearn.scenarios.learning import TrainingContext
from droplearn.scenarios.learning.arrays import Floats, Integers, softmax
from droplearn.scenarios.learning.folds import make_folds
from droplearn.scenarios.learning.labelled_examples import LearningExample, LearningSet
from droplearn.scenarios.learning.logistic_regression import Standardised, cross_validate

_TIME_SHARE = 0.1
"""Of the time that is left, reading for the teacher may take at most this much."""
_DECODING = 1.5
"""Reading a picture costs this many times the network's forward pass."""


@dataclass(frozen=True)
class Teacher:
    """`features`: (N, D), a row for each example that may be learnt from, zeros for the others."""

    features: Floats

    def probabilities(self, data: LearningSet, indices: Integers, context: TrainingContext) -> Floats:
        """(N, K): for each of `indices` what heads think that were fitted on others of them; zeros for the other examples."""
        y = data.y[indices]
        folds = make_folds(y, [data.examples[i].etag for i in indices], context.request.settings.seed)
        rows = Standardised.of(self.features[indices])
        found = cross_validate(rows, y, len(data.labels), folds, context.deadline.check)
        taught = np.zeros((len(data.examples), len(data.labels)), np.float32)
        # The heads take all labels for equally frequent; the network's loss sees them as they occur.
        taught[indices] = softmax(found.logits / found.temperature + np.log(label_prior(y, len(data.labels))))
        return taught


def make_teacher(context: TrainingContext, stage: FrozenStage) -> Teacher | None:
    """None, with a note, where it would take too long: with many examples the labels alone say enough. Raises StoppedEarly."""
    data, known = stage.data, stage.data.indices("train", "validation")
    if len(known) > cross_validated_count(len(data.labels)):
        context.log.note(f"no teacher: {len(known)} examples need none")
        return None
    tables = []
    for network in SIZES:
        # Features of a base model's tuned weights know their examples' labels: the pretrained network's are read in their place.
        is_known = network == stage.network.name and not stage.network.weights
        table = stage.features[known] if is_known else _features_of(network, [data.examples[i] for i in known], context)
        if table is None:
            context.log.note("no teacher: time is short")
            return None
        tables.append(table)
    features = np.zeros((len(data.examples), sum(table.shape[1] for table in tables)), np.float32)
    features[known] = np.concatenate(tables, axis=1)
    return Teacher(features)


def _features_of(network: str, examples: Sequence[LearningExample], context: TrainingContext) -> Floats | None:
    """(n, D); read by an earlier attempt, or now if there is time. None: there is none."""
    file = backbone_file(network, SIZES[network])
    cache = context.checkpoints / f"features-{network}.npz"
    table = FeatureTable.load(cache, file.stem)
    missing = [e for e in examples if e.etag not in table.vectors]
    if missing:
        graph = Graph(file)
        if _DECODING * time_forward(graph) * len(missing) > _TIME_SHARE * context.deadline.remaining_s():
            return None
        extract(missing, graph, table, cache, context.deadline, context.log)
    return table.rows(examples) if all(e.etag in table.vectors for e in examples) else None
