"""The second stage: fine-tuning. The leader validates each epoch, keeps the best, saves where it stands, and chooses between the
candidates at the end.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

import numpy as np

from droplearn.contracts.model import Candidate, StopReason
from droplearn.networks.efficientnet_lite import pretrained_weights
from droplearn.networks.lite_table import lite_network
from droplearn.networks.onnx_graph import features_graph
from droplearn.scenarios.image_classification.training.base_model import compare
from droplearn.scenarios.image_classification.training.collective import Collective
from droplearn.scenarios.image_classification.training.drafts import HeldOut, Network, make_draft, valid_metrics
from droplearn.scenarios.image_classification.training.examples import LearningSet, gather
from droplearn.scenarios.image_classification.training.frozen import fit_head
from droplearn.scenarios.image_classification.training.frozen_stage import FrozenStage, curve, save_frozen
from droplearn.scenarios.image_classification.training.schedule import make_schedule
from droplearn.scenarios.image_classification.training.scoring import (
    HEAD_BIAS,
    HEAD_WEIGHT,
    Arrays,
    Scored,
    Validation,
    between,
    head_of,
    with_head,
)
from droplearn.scenarios.image_classification.training.tuning_loop import EpochDone, TuningLoop, TuningTask
from droplearn.scenarios.image_classification.training.tuning_network import is_cuda, prepare_process
from droplearn.scenarios.image_classification.training.tuning_state import TuningState
from droplearn.scenarios.learning import StoppedEarly, TrainingContext
from droplearn.scenarios.learning.arrays import Floats

SHARES = (0.25, 0.5, 0.75)
"""Of the way from the frozen network to the tuned one: candidates beside the two ends."""


def tune(context: TrainingContext, stage: FrozenStage) -> None:
    """The leader. Raises StoppedEarly; the best model so far is saved by then."""
    _prepare(context)
    started = monotonic()
    validation = Validation(stage.data, stage.network.size, context.request.settings.seed, context.deadline.check)
    leader = _Leader(context, stage, validation)
    collective = Collective(context.group)
    task = leader.task()
    collective.from_leader(_told(stage, task))
    reserve_s = 1.0 + 3 * (len(SHARES) + 1) * stage.forward_s * len(validation.y)
    context.log.note(f"fine-tuning begins after {monotonic() - started:.1f} s of preparation: {task.schedule}")
    loop = TuningLoop(context, task, collective, reserve_s)
    stop_reason = leader.run(loop)
    leader.choose(stop_reason)
    collective.close()


def follow(context: TrainingContext) -> None:
    """A process that is not the leader: the same steps on its own share of each batch."""
    _prepare(context)
    collective = Collective(context.group)
    told = collective.from_leader(None)
    if told:
        try:
            for _ in TuningLoop(context, _task_as_told(context, told), collective, reserve_s=0.0).epochs():
                pass
        except StoppedEarly:
            pass
    collective.close()


def dismiss(context: TrainingContext) -> None:
    """The leader tells the others that there is nothing to tune."""
    _prepare(context)
    collective = Collective(context.group)
    collective.from_leader({})
    collective.close()


@dataclass
class _Leader:
    context: TrainingContext
    stage: FrozenStage
    validation: Validation
    frozen: Scored = field(init=False)
    start: Arrays = field(init=False)
    best: Arrays = field(default_factory=dict)
    best_score: Scored | None = None
    bad_epochs: int = 0

    def __post_init__(self) -> None:
        """The frozen candidate, with a head that has not seen the validation examples."""
        stage = self.stage
        head = fit_head(stage.data, stage.features, stage.data.indices("train"), stage.model.strength, self.context.deadline.check)
        self.frozen = self.validation.score(stage.features[self.validation.indices], head)
        backbone: dict[str, Floats] = dict(stage.network.weights) or {
            name: value.numpy() for name, value in pretrained_weights(stage.network.name).items()
        }
        self.start = with_head(backbone, head)

    def task(self) -> TuningTask:
        """From the start, or from where an earlier attempt stands."""
        stage, settings = self.stage, self.context.request.settings
        train = stage.data.indices("train")
        schedule = make_schedule(settings.hyper_parameters, len(train), self.context.group.world_size, is_cuda=is_cuda())
        task = TuningTask(stage.network.name, stage.network.size, stage.data, train, self.start, schedule)
        if (state := stage.state) is None:
            return task
        self.context.log.note(f"goes on after epoch {state.epochs_done}")
        self.context.log.history[:] = state.history
        self.best, self.bad_epochs = dict(state.best), state.bad_epochs
        if state.best:
            self.best_score = self.validation.score_network(stage.network.name, state.best)
        epochs_done = schedule.epochs if state.is_finished else state.epochs_done
        return TuningTask(
            task.network, task.size, task.data, train, state.weights, schedule, epochs_done, state.fraction, state.moments, state.average
        )

    def run(self, loop: TuningLoop) -> StopReason:
        """All epochs; why they ended."""
        stop_reason: StopReason = "epochs_done"
        for done in loop.epochs():
            try:
                stop_reason = self._after_epoch(done, loop)
            except StoppedEarly:
                loop.leave()
                raise
        return stop_reason

    def choose(self, stop_reason: StopReason) -> None:
        """Scores what lies between frozen and tuned, and saves the best of all as the final model."""
        found: dict[str, tuple[Scored, Arrays]] = {"frozen": (self.frozen, {})}
        if self.best_score is not None:
            found["tuned"] = (self.best_score, self.best)
            with suppress(StoppedEarly):  # late: the choice is among those that were scored by now
                for share in SHARES:
                    middle = between(self.start, self.best, share)
                    found[f"between_{share:g}"] = (self.validation.score_network(self.stage.network.name, middle), middle)
        name = self._best_of({name: score for name, (score, _) in found.items()})
        score, arrays = found[name]
        candidates = [
            Candidate(
                name=other,
                metrics=valid_metrics(told.metrics),
                is_chosen=other == name,
                reason="lowest validation loss" if other == name else "",
            )
            for other, (told, _) in found.items()
        ]
        self.context.log.note(
            "candidates: " + ", ".join(f"{n} {s.metrics['top1_accuracy']:.3f}/{s.loss:.3f}" for n, (s, _) in found.items())
        )
        if name == "frozen":
            save_frozen(self.context, self.stage, stop_reason, "", is_final=True, candidates=candidates)
        else:
            self._save(score, arrays, stop_reason, candidates, is_final=True)

    def _after_epoch(self, done: EpochDone, loop: TuningLoop) -> StopReason:
        average = loop.average.arrays()
        begun = monotonic()
        score = self.validation.score_network(self.stage.network.name, average)
        loop.reserve_s = 1.0 + 1.5 * (len(SHARES) + 1) * (monotonic() - begun)
        self.context.log.metric("finetune", done.epoch, loop.schedule.epochs, {"train_loss": done.train_loss, **curve(score.metrics)})
        if self.best_score is None or score.loss < self.best_score.loss:
            self.best, self.best_score, self.bad_epochs = average, score, 0
            if score.loss < self.frozen.loss:
                self._save(score, average, "max_runtime", (), is_final=False)
        else:
            self.bad_epochs += 1
        reason = self._reason_to_end(score, done, loop)
        self._save_state(done, loop, average, is_finished=reason is not None)
        if reason is not None:
            loop.end()
        return reason or "epochs_done"

    def _reason_to_end(self, score: Scored, done: EpochDone, loop: TuningLoop) -> StopReason | None:
        settings = self.context.request.settings
        if settings.expected_accuracy is not None and score.metrics["top1_accuracy"] >= settings.expected_accuracy:
            return "expected_accuracy"
        if done.is_cut:
            return "epochs_done" if settings.hyper_parameters.epochs is None else "max_runtime"
        if self.bad_epochs >= loop.schedule.patience:
            return "converged"
        return None

    def _save_state(self, done: EpochDone, loop: TuningLoop, average: Arrays, *, is_finished: bool) -> None:
        TuningState(
            key=self.stage.key,
            epochs_done=done.epoch,
            fraction=loop.fraction,
            bad_epochs=self.bad_epochs,
            best_loss=self.best_score.loss if self.best_score else 0.0,
            history=self.context.log.history,
            is_finished=is_finished,
            weights=loop.network.arrays(),
            average=average,
            best=self.best,
            moments=loop.network.moments(),
        ).save(self.context.checkpoints)

    def _best_of(self, scores: dict[str, Scored]) -> str:
        """The lowest loss; where there is a base model, first among those that keep the old labels' accuracy."""
        kept = [name for name, score in scores.items() if not self._has_fallen(score)]
        return min(kept or scores, key=lambda name: scores[name].loss)

    def _has_fallen(self, score: Scored) -> bool:
        comparison, _ = compare(self.context, self.stage.data, self._held_out(score))
        return comparison is not None and comparison.has_fallen

    def _held_out(self, score: Scored) -> HeldOut:
        return HeldOut(self.validation.indices, score.probabilities, "validation", score.metrics)

    def _save(
        self, score: Scored, arrays: Arrays, stop_reason: StopReason, candidates: tuple[Candidate, ...] | list[Candidate], *, is_final: bool
    ) -> None:
        stage = self.stage
        backbone: dict[str, Floats] = {name: np.asarray(value) for name, value in arrays.items() if name not in (HEAD_WEIGHT, HEAD_BIAS)}
        graph = features_graph(lite_network(stage.network.name), backbone, stage.network.size, f"tuned from {stage.key[:16]}")
        network = Network(stage.network.name, stage.network.size, graph, head_of(arrays), score.temperature, backbone)
        held_out = self._held_out(score)
        comparison, fallen = compare(self.context, stage.data, held_out)
        draft = make_draft(
            network,
            stage.data,
            held_out,
            stop_reason=stop_reason,
            candidates=candidates,
            base_model=comparison,
            warnings=[*stage.warnings, *fallen],
        )
        self.context.store.save(draft, is_final=is_final)


def _prepare(context: TrainingContext) -> None:
    prepare_process(context.group, context.request.settings.seed, context.request.settings.max_runtime_s)


def _told(stage: FrozenStage, task: TuningTask) -> dict[str, Floats]:
    """What the followers cannot work out by themselves."""
    groups = {"start": task.start, "moments": task.moments}
    arrays = {f"{group}:{name}": value for group, values in groups.items() for name, value in values.items()}
    about = {
        "usable": np.array(stage.usable),
        "labels": np.array(stage.data.labels),
        "network": np.array([task.network, str(task.size)]),
        "progress": np.array([task.epochs_done, task.fraction_done]),
    }
    return arrays | about


def _task_as_told(context: TrainingContext, told: dict[str, Floats]) -> TuningTask:
    examples = [e for e, is_usable in zip(gather(context), told["usable"], strict=True) if is_usable]
    data = LearningSet(tuple(examples), tuple(str(label) for label in told["labels"]))
    train = data.indices("train")
    schedule = make_schedule(context.request.settings.hyper_parameters, len(train), context.group.world_size, is_cuda=is_cuda())
    groups: dict[str, dict[str, Floats]] = {"start": {}, "moments": {}}
    for name, value in told.items():
        group, _, rest = name.partition(":")
        if rest:
            groups[group][rest] = value
    network, size = (str(part) for part in told["network"])
    epochs_done, fraction = (float(part) for part in told["progress"])
    return TuningTask(network, int(size), data, train, groups["start"], schedule, int(epochs_done), fraction, groups["moments"])
