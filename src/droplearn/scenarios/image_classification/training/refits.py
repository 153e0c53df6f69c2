"""After the choice: the chosen recipe again with the validation examples among those learnt from, as often as time allows; the average of
the weights is the model.

Each refit sees other crops in another order, and ends elsewhere in the same valley: the middle is better than any of them, and one network.
Source: Wortsman et al., "Model soups", 2022. The metrics stay those measured before, on examples that were held out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import monotonic

import numpy as np

from droplearn.contracts.model import StopReason
from droplearn.scenarios.image_classification.training.scoring import HEAD_BIAS, HEAD_WEIGHT, Arrays, between, with_head
from droplearn.scenarios.image_classification.training.tuning_leader import Choice, Leader
from droplearn.scenarios.image_classification.training.tuning_loop import TuningLoop, TuningTask

MAX_REFITS = 3
_LEAST_TIME, _LEAST_EPOCHS = 0.6, 0.4
"""A refit is begun where at least this share of its time is left: the learning rate falls by time then, and the epochs are fewer. One that
reaches less than this share of its epochs does not count.
"""
_REASON = "lowest validation loss; then fitted again {} with the validation examples (the metrics are from before)"


@dataclass
class Refits:
    """`choice`: the candidate as it was chosen, then what the refits so far make of it."""

    leader: Leader
    choice: Choice
    stop_reason: StopReason
    _epochs_done: int = 0
    _done: list[Arrays] = field(default_factory=list)
    _needed_s: float = 0.0
    _is_over: bool = False

    def __post_init__(self) -> None:
        """Only a tuned network that was tuned to the end is worth it."""
        lines = [line for line in self.leader.context.log.history if line["stage"] == "finetune"]
        self._is_over = self.choice.share == 0 or self.stop_reason not in ("epochs_done", "converged") or not lines
        if not self._is_over:
            self._needed_s = _LEAST_TIME * self._estimate(lines)

    def next_task(self) -> TuningTask | None:
        """From the start, on all but the test split. None: often enough, or time is short."""
        if self._is_over or len(self._done) == MAX_REFITS or self.leader.context.deadline.remaining_s() < self._needed_s:
            return None
        stage = self.leader.stage
        backbone = {name: value for name, value in self.leader.start.items() if name not in (HEAD_WEIGHT, HEAD_BIAS)}
        seed = np.random.SeedSequence((self.leader.context.request.settings.seed, len(self._done) + 1)).generate_state(1)[0]
        return self.leader.make_task(stage.data.indices("train", "validation"), with_head(backbone, stage.model.head), int(seed))

    def run(self, loop: TuningLoop, task: TuningTask) -> None:
        """One refit. `choice` stays as it is where time runs out, or where it does worse on what it has now seen. Raises StoppedEarly."""
        log, begun = self.leader.context.log, monotonic()
        for done in loop.epochs():
            self._epochs_done += 1
            log.metric("refit", self._epochs_done, MAX_REFITS * loop.schedule.epochs, {"train_loss": done.train_loss})
            self._is_over = done.is_cut
        if self._is_over and done.epoch < _LEAST_EPOCHS * loop.schedule.epochs:
            log.note("refit given up: time is short")
            return
        self._done.append(loop.average.arrays())
        self._needed_s = _LEAST_TIME * (monotonic() - begun)
        self._adopt(task)

    def _adopt(self, task: TuningTask) -> None:
        arrays = between(task.start, average(self._done), self.choice.share)
        score = self.leader.validation.score_network(self.leader.stage.network.name, arrays)
        if score.loss > self.choice.score.loss:
            self.leader.context.log.note(
                f"refit given up: {score.loss:.3f} on pictures that it has seen, {self.choice.score.loss:.3f} before"
            )
            self._is_over = True
            return
        reason = _REASON.format("once" if len(self._done) == 1 else f"{len(self._done)} times, averaged,")
        candidates = tuple(c.model_copy(update={"reason": reason}) if c.is_chosen else c for c in self.choice.candidates)
        self.choice = replace(self.choice, arrays=arrays, candidates=candidates)

    def _estimate(self, lines: list[dict[str, float]]) -> float:
        """Seconds of a refit, from the epochs so far: the same number of epochs of a few more steps."""
        history, stage = self.leader.context.log.history, self.leader.stage
        begun_s = max((line["elapsed_s"] for line in history if line["stage"] == "frozen"), default=0.0)
        epoch_s = max(line["elapsed_s"] - begun_s for line in lines) / len(lines)
        more = len(stage.data.indices("train", "validation")) / len(stage.data.indices("train"))
        return epoch_s * lines[0]["epochs"] * more


def average(members: list[Arrays]) -> Arrays:
    """Of each array, float32."""
    return {name: np.stack([member[name] for member in members]).mean(axis=0, dtype=np.float64).astype(np.float32) for name in members[0]}
