"""The second stage: a small network learns from scratch; it, the best head, or the mean of both becomes the model, by validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np

from droplearn.contracts.model import Candidate, StopReason
from droplearn.scenarios.learning import TrainingContext
from droplearn.scenarios.learning.arrays import Floats, Integers, log_softmax, softmax
from droplearn.scenarios.learning.calibration import fit_temperature
from droplearn.scenarios.learning.held_out import HeldOut, valid_metrics
from droplearn.scenarios.learning.logistic_regression import LinearHead
from droplearn.scenarios.learning.metrics import classification_metrics
from droplearn.scenarios.sound_classification.feature_graph import features_graph
from droplearn.scenarios.sound_classification.inference import SoundGraph
from droplearn.scenarios.sound_classification.small_graph import SmallNetwork, mean_model, small_model
from droplearn.scenarios.sound_classification.training.drafts import Network
from droplearn.scenarios.sound_classification.training.first_stage import Material
from droplearn.scenarios.sound_classification.training.heads import FittedHead, fit_on
from droplearn.scenarios.sound_classification.training.saving import save, save_head
from droplearn.scenarios.sound_classification.training.small_data import Pictures, Sounds, predict, read_sounds
from droplearn.scenarios.sound_classification.training.small_torch import Plan, train_network
from droplearn.scenarios.sound_classification.windows import WindowShape

SMALL, MEAN = "small_network", "mean_of_both"
_EPOCHS, _BATCH_SIZE, _LEARNING_RATE = 40, 20, 2.5e-3
_VERSIONS = 5
_TRAINING_SHARE = 0.45
"""Of the time that is left: as much again goes into fitting once more with the validation examples."""
_REFIT_MARGIN = 1.4


@dataclass(frozen=True)
class Scored:
    """A candidate on the validation examples. `logits` are divided by the temperature."""

    logits: Floats
    temperature: float
    metrics: dict[str, float]

    @property
    def loss(self) -> float:
        """Log loss."""
        return self.metrics["log_loss"]

    @classmethod
    def of(cls, raw: Floats, y: Integers) -> Scored:
        """raw: logits before their temperature is known."""
        temperature = fit_temperature(raw, y)
        return cls(raw / temperature, temperature, classification_metrics(y, softmax(raw / temperature)))


@dataclass(frozen=True)
class Stage:
    """What every step of this stage needs."""

    context: TrainingContext
    material: Material
    head: FittedHead
    sounds: Sounds
    shape: WindowShape
    validation: Integers

    def learn(self, indices: Integers, plan: Plan, name: str, watched: Pictures | None) -> SmallNetwork:
        """name: the stage's in the log; without one nothing is logged. Raises StoppedEarly."""
        context, seed, check = self.context, self.context.request.settings.seed, self.context.deadline.check
        versions = [self.sounds.version(n, seed, indices, check) for n in range(min(_VERSIONS, plan.epochs))]
        y, labels = self.material.data.y, len(self.material.data.labels)

        def after_epoch(number: int, train_loss: float, logits: Any) -> None:
            if not name:
                return
            told = {"train_loss": train_loss}
            if watched is not None:
                metrics = valid_metrics(classification_metrics(y[self.validation], softmax(logits(watched))))
                told |= {k: metrics[k] for k in ("valid_loss", "valid_top1_accuracy", "valid_top5_accuracy")}
            context.log.metric(name, number, plan.epochs, told)

        return SmallNetwork(train_network(versions, y[indices], labels, plan, seed, after_epoch, check), self.sounds.crop)


def train_small(context: TrainingContext, material: Material, head: FittedHead, candidates: Sequence[Candidate]) -> None:
    """Raises StoppedEarly; the best model so far is saved by then."""
    data, shape, check = material.data, WindowShape(material.size), context.deadline.check
    stage = Stage(context, material, head, read_sounds(data.examples, shape, check), shape, data.indices("validation"))
    train, started = data.indices("train"), monotonic()
    plan = _plan(stage, train)
    network = stage.learn(train, plan, "small", stage.sounds.plain(stage.validation, check))
    took_s = monotonic() - started
    narrow = fit_on(head.choice, data, material.rows, train, head.strength, check)
    scores = _scores(stage, network, narrow)
    name = min(scores, key=lambda n: scores[n].loss)
    told = _told(scores, name, candidates)
    if name == head.name:
        save_head(context, material, head, told, "epochs_done", is_final=True)
        return
    known = data.indices("train", "validation")
    has_time = context.deadline.remaining_s() > _REFIT_MARGIN * took_s * len(known) / len(train)
    _save(stage, name, network, narrow, scores, told, "epochs_done", is_final=not has_time)
    if has_time:
        again = stage.learn(known, plan, "refit", None)
        _save(stage, name, again, head.head, scores, told, "epochs_done", is_final=True)


def _plan(stage: Stage, train: Integers) -> Plan:
    """As many epochs as the recipe or the user wants, or as the time allows: measured on a few batches."""
    wishes = stage.context.request.settings.hyper_parameters
    batch = wishes.batch_size or _BATCH_SIZE
    rate = wishes.learning_rate or _LEARNING_RATE
    part, started = train[: 4 * batch], monotonic()
    stage.learn(part, Plan(2, batch, rate), "", None)
    epoch_s = (monotonic() - started) / 2 / len(part) * len(train)
    affordable = int(stage.context.deadline.remaining_s() * _TRAINING_SHARE / max(epoch_s, 1e-6))
    steps = max(1, len(train) // batch)
    warmup = 40 if wishes.warmup_epochs is None else int(wishes.warmup_epochs * steps)
    return Plan(wishes.epochs or max(4, min(_EPOCHS, affordable)), batch, rate, warmup)


def _scores(stage: Stage, network: SmallNetwork, narrow: LinearHead) -> dict[str, Scored]:
    """Head, small network and their mean, none of which has seen the validation examples."""
    data, validation, check = stage.material.data, stage.validation, stage.context.deadline.check
    y = data.y[validation]
    features = stage.material.rows.of_parts(stage.head.parts, validation)[:: stage.material.rows.version_count]
    head = Scored.of(log_softmax(narrow.logits(features)), y)
    graph = SoundGraph(small_model(network, stage.shape, 1.0).SerializeToString())
    small = Scored.of(np.log(np.maximum(predict(graph, stage.sounds, validation, check), 1e-9)), y)
    return {stage.head.name: head, SMALL: small, MEAN: Scored.of((head.logits + small.logits) / 2, y)}


def _told(scores: dict[str, Scored], chosen: str, before: Sequence[Candidate]) -> list[Candidate]:
    """The heads' cross-validated scores, then the three on the validation examples."""
    heads = [c.model_copy(update={"is_chosen": False}) for c in before if c.name not in scores]
    return heads + [
        Candidate(name=n, metrics=valid_metrics(s.metrics), is_chosen=n == chosen, reason="lowest validation loss" if n == chosen else "")
        for n, s in scores.items()
    ]


def _save(
    stage: Stage,
    name: str,
    network: SmallNetwork,
    head: LinearHead,
    scores: dict[str, Scored],
    candidates: Sequence[Candidate],
    stop_reason: StopReason,
    *,
    is_final: bool,
) -> None:
    score, material = scores[name], stage.material
    if name == SMALL:
        graph = small_model(network, stage.shape, score.temperature)
    else:
        scales = tuple(0.5 / scores[part].temperature / score.temperature for part in (stage.head.name, SMALL))
        features = features_graph(material.network, material.size, stage.head.parts)
        graph = mean_model(features, head, network, stage.shape, (scales[0], scales[1]))
    about = {"network": name, "parts": list(stage.head.parts) if name == MEAN else [], "crop_samples": network.crop}
    held_out = HeldOut(stage.validation, softmax(score.logits), "validation", score.metrics)
    made = Network(graph, stage.shape, score.temperature, about)
    save(stage.context, material, made, held_out, candidates, stop_reason, is_final=is_final)
