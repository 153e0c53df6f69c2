"""What the leader of a training does: validates each round, keeps the best, saves it at once and where the training stands, chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from droplearn.contracts.model import Candidate, StopReason
from droplearn.scenarios.learning import StoppedEarly, TrainingContext
from droplearn.scenarios.learning.arrays import Floats
from droplearn.scenarios.object_detection.boxes import NMS_IOU
from droplearn.scenarios.object_detection.training.base_model import compare
from droplearn.scenarios.object_detection.training.drafts import Network, make_draft
from droplearn.scenarios.object_detection.training.examples import LearningSet
from droplearn.scenarios.object_detection.training.loop import RoundDone, TrainingLoop
from droplearn.scenarios.object_detection.training.scoring import Scored, Validation
from droplearn.scenarios.object_detection.training.state import DetectorState

OTHER_NMS = (0.45, 0.7)
_NMS_GAIN = 0.005
"""Another overlap limit is taken only where it gains more than this: the validation pictures are few."""
_STATE_EVERY_S = 20.0
_CANDIDATES_SHOWN = 5


@dataclass
class Leader:
    """`network`: what is saved, but for the weights. `rounds`: name and metrics of each that was validated."""

    context: TrainingContext
    data: LearningSet
    validation: Validation
    network: Network
    key: str
    warnings: Sequence[str]
    best: Mapping[str, Floats] = field(default_factory=dict)
    best_score: Scored | None = None
    bad_rounds: int = 0
    rounds: list[dict[str, Any]] = field(default_factory=list)
    _state_saved_at: float = float("-inf")

    def adopt(self, state: DetectorState) -> None:
        """Goes on where an earlier attempt stands."""
        self.context.log.note(f"goes on after round {state.rounds_done}")
        self.context.log.history[:] = state.history
        self.best, self.bad_rounds, self.rounds = dict(state.best), state.bad_rounds, list(state.rounds)
        if state.best:
            self.best_score = self.validation.score(self._with(state.best))

    def run(self, loop: TrainingLoop) -> StopReason:
        """All rounds; why they ended. Raises StoppedEarly."""
        stop_reason: StopReason = "epochs_done"
        for done in loop.rounds():
            try:
                stop_reason = self._after_round(done, loop)
            except StoppedEarly:
                loop.leave()
                raise
        return stop_reason

    def finish(self, stop_reason: StopReason) -> None:
        """The best round, with the overlap limit that suits it, as the final model."""
        if self.best_score is None:
            return
        chosen, score, others = self._with(self.best), self.best_score, []
        with suppress(StoppedEarly):  # late: the choice is among those that were scored by now
            for nms_iou in OTHER_NMS:
                other = replace(self._with(self.best), nms_iou=nms_iou)
                scored = self.validation.score(other)
                others.append(Candidate(name=f"best_nms_{nms_iou:g}", metrics=_named(scored.metrics)))
                if scored.fitness > score.fitness + _NMS_GAIN:
                    chosen, score = other, scored
        best = max(self.rounds, key=lambda told: told["fitness"])
        reason = "best mean of map_50 and map_50_95 on the validation pictures"
        if chosen.nms_iou != NMS_IOU:
            others = [c.model_copy(update={"is_chosen": c.name == f"best_nms_{chosen.nms_iou:g}", "reason": reason}) for c in others]
        shown = sorted(self.rounds, key=lambda told: -told["fitness"])[:_CANDIDATES_SHOWN]
        rounds = [
            Candidate(
                name=told["name"],
                metrics=_named(told["metrics"]),
                is_chosen=told is best and chosen.nms_iou == NMS_IOU,
                reason=reason if told is best else "",
            )
            for told in shown
        ]
        self._save(chosen, score, stop_reason, [*rounds, *others], is_final=True)

    def _after_round(self, done: RoundDone, loop: TrainingLoop) -> StopReason:
        average = loop.average.arrays()
        begun = monotonic()
        score = self.validation.score(self._with(average))
        loop.reserve_s = 1.5 + 1.5 * (len(OTHER_NMS) + 1) * (monotonic() - begun)
        self._tell(done, score, loop)
        if self.best_score is None or score.fitness > self.best_score.fitness:
            self.best, self.best_score, self.bad_rounds = average, score, 0
            self._save(self._with(average), score, "max_runtime", (), is_final=False)
        else:
            self.bad_rounds += 1
        reason = self._reason_to_end(score, done, loop)
        is_last = reason is not None or done.number == loop.schedule.rounds
        if is_last or monotonic() - self._state_saved_at > _STATE_EVERY_S:
            self._save_state(done, loop, average, is_finished=is_last and not done.is_cut)
        if reason is not None:
            loop.end()
        return reason or "epochs_done"

    def _tell(self, done: RoundDone, score: Scored, loop: TrainingLoop) -> None:
        losses = {
            "train_loss": done.classification_loss + done.localization_loss,
            "train_classification_loss": done.classification_loss,
            "train_localization_loss": done.localization_loss,
        }
        valid = _named(score.metrics)
        self.context.log.metric("train", done.epoch, loop.schedule.epochs, losses | valid | {"valid_loss": valid["valid_total_loss"]})
        self.rounds.append({"name": f"round_{done.number}_epoch_{done.epoch}", "fitness": score.fitness, "metrics": score.metrics})

    def _reason_to_end(self, score: Scored, done: RoundDone, loop: TrainingLoop) -> StopReason | None:
        settings = self.context.request.settings
        if settings.expected_accuracy is not None and score.metrics["map_50"] >= settings.expected_accuracy:
            return "expected_accuracy"
        if done.is_cut:
            return "epochs_done" if settings.hyper_parameters.epochs is None else "max_runtime"
        return "converged" if self.bad_rounds >= loop.schedule.patience else None

    def _save_state(self, done: RoundDone, loop: TrainingLoop, average: Mapping[str, Floats], *, is_finished: bool) -> None:
        DetectorState(
            key=self.key,
            size=self.network.size,
            rounds_done=loop.schedule.rounds if is_finished else done.number - done.is_cut,
            fraction=loop.fraction,
            bad_rounds=self.bad_rounds,
            history=self.context.log.history,
            rounds=self.rounds,
            is_finished=is_finished,
            weights=loop.network.arrays(),
            average=average,
            best=self.best,
            moments=loop.network.moments(),
        ).save(self.context.checkpoints)
        self._state_saved_at = monotonic()

    def _save(self, network: Network, score: Scored, stop_reason: StopReason, candidates: Sequence[Candidate], *, is_final: bool) -> None:
        held_out = self.validation.held_out(score)
        comparison, fallen = compare(self.context, self.data, held_out)
        draft = make_draft(
            network,
            self.data,
            held_out,
            stop_reason=stop_reason,
            candidates=candidates,
            base_model=comparison,
            warnings=[*self.warnings, *fallen],
        )
        self.context.store.save(draft, is_final=is_final)

    def _with(self, trained: Mapping[str, Floats]) -> Network:
        return replace(self.network, trained=trained)


def _named(metrics: Mapping[str, float]) -> dict[str, float]:
    return {f"valid_{name}": value for name, value in metrics.items()}
