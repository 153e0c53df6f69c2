"""What the leader of a fine-tuning does: validates each epoch, keeps the best, saves where it stands, and chooses."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import monotonic

import numpy as np

from droplearn.contracts.model import Candidate, StopReason
from droplearn.networks.efficientnet_lite import pretrained_weights
from droplearn.networks.lite_table import lite_network
from droplearn.networks.onnx_graph import features_graph
from droplearn.scenarios.image_classification.training.drafts import Network, make_draft
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
    is_clearly_worse,
    with_head,
)
from droplearn.scenarios.image_classification.training.teacher import Teacher
from droplearn.scenarios.image_classification.training.tuning_loop import EpochDone, TuningLoop, TuningTask
from droplearn.scenarios.image_classification.training.tuning_state import TuningState
from droplearn.scenarios.learning import StoppedEarly, TrainingContext
from droplearn.scenarios.learning.arrays import Floats, Integers
from droplearn.scenarios.learning.held_out import HeldOut, compare, valid_metrics
from droplearn.scenarios.learning.torch_process import is_cuda

SHARES = (0.25, 0.5, 0.75)
"""Of the way from the frozen network to the tuned one: candidates beside the two ends."""


@dataclass(frozen=True)
class Choice:
    """A candidate; `share` of the way from the frozen network (0) to the tuned one (1)."""

    name: str
    share: float
    score: Scored
    arrays: Arrays
    candidates: tuple[Candidate, ...] = ()


@dataclass
class Leader:
    """What the leader does beside the steps that every process does."""

    context: TrainingContext
    stage: FrozenStage
    validation: Validation
    teacher: Teacher | None
    frozen: Scored = field(init=False)
    start: Arrays = field(init=False)
    best: Arrays = field(default_factory=dict)
    """The latest epoch that was not clearly worse than the one with the lowest loss: what lies between is the noise of few validation
    examples, and later weights have settled and average over more steps.
    """
    best_score: Scored | None = None
    lowest: Floats | None = None
    """Losses of the validation examples in the epoch with the lowest mean."""
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
        stage = self.stage
        train = stage.data.indices("train")
        task = self.make_task(train, self.start, self.context.request.settings.seed)
        if (state := stage.state) is None:
            return task
        self.context.log.note(f"goes on after epoch {state.epochs_done}")
        self.context.log.history[:] = state.history
        self.best, self.lowest, self.bad_epochs = dict(state.best), state.lowest.get("losses"), state.bad_epochs
        if state.best:
            self.best_score = self.validation.score_network(stage.network.name, state.best)
        return replace(
            task,
            start=state.weights,
            epochs_done=task.schedule.epochs if state.is_finished else state.epochs_done,
            fraction_done=state.fraction,
            moments=state.moments,
            average=state.average,
        )

    def make_task(self, train: Integers, start: Arrays, seed: int) -> TuningTask:
        """To learn from `train`."""
        stage, wishes = self.stage, self.context.request.settings.hyper_parameters
        schedule = make_schedule(wishes, len(train), self.context.group.world_size, is_cuda=is_cuda())
        taught = self.teacher.probabilities(stage.data, train, self.context) if self.teacher is not None else None
        return TuningTask(stage.network.name, stage.network.size, stage.data, train, start, schedule, seed, taught)

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

    def choose(self) -> Choice:
        """The best of frozen, tuned, and what lies between them."""
        found = {"frozen": Choice("frozen", 0.0, self.frozen, {})}
        if self.best_score is not None:
            found["tuned"] = Choice("tuned", 1.0, self.best_score, self.best)
            with suppress(StoppedEarly):  # late: the choice is among those that were scored by now
                for share in SHARES:
                    middle = between(self.start, self.best, share)
                    name = f"between_{share:g}"
                    found[name] = Choice(name, share, self.validation.score_network(self.stage.network.name, middle), middle)
        scores = {name: choice.score for name, choice in found.items()}
        self.context.log.note("candidates: " + ", ".join(f"{n} {s.metrics['top1_accuracy']:.3f}/{s.loss:.3f}" for n, s in scores.items()))
        best = self._best_of(scores)
        candidates = [
            Candidate(name=n, metrics=valid_metrics(s.metrics), is_chosen=n == best, reason="lowest validation loss" if n == best else "")
            for n, s in scores.items()
        ]
        return replace(found[best], candidates=tuple(candidates))

    def save(self, choice: Choice, stop_reason: StopReason, *, is_final: bool) -> None:
        """The chosen candidate as a model."""
        if choice.share == 0:
            save_frozen(self.context, self.stage, stop_reason, "", is_final=is_final, candidates=choice.candidates)
        else:
            self._save(choice.score, choice.arrays, stop_reason, choice.candidates, is_final=is_final)

    def _after_epoch(self, done: EpochDone, loop: TuningLoop) -> StopReason:
        average = loop.average.arrays()
        begun = monotonic()
        score = self.validation.score_network(self.stage.network.name, average)
        loop.reserve_s = 1.0 + 1.5 * (len(SHARES) + 1) * (monotonic() - begun)
        self.context.log.metric("finetune", done.epoch, loop.schedule.epochs, {"train_loss": done.train_loss, **curve(score.metrics)})
        losses = self.validation.losses(score)
        if self.lowest is None or losses.mean() < self.lowest.mean():
            self.lowest = losses
        if not is_clearly_worse(losses, self.lowest):
            self.best, self.best_score, self.bad_epochs = average, score, 0
            if score.loss < self.frozen.loss:
                self._save(score, average, "max_runtime", (), is_final=False)
        else:
            self.bad_epochs += 1
        reason = self._reason_to_end(score, done, loop)
        self._save_state(done, loop, average, is_finished=reason is not None and not done.is_cut)
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
            epochs_done=done.epoch - done.is_cut,
            fraction=loop.fraction,
            bad_epochs=self.bad_epochs,
            history=self.context.log.history,
            is_finished=is_finished,
            weights=loop.network.arrays(),
            average=average,
            best=self.best,
            lowest={"losses": self.lowest} if self.lowest is not None else {},
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

    def _save(self, score: Scored, arrays: Arrays, stop_reason: StopReason, candidates: tuple[Candidate, ...], *, is_final: bool) -> None:
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
