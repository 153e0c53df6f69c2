"""The recipe: read, hold out, try candidates, fit the best again on everything, write tables. A model is saved early and replaced by better
ones.
"""

from __future__ import annotations

from time import monotonic

import numpy as np

from droplearn.contracts.dataset import HealthReport
from droplearn.contracts.model import StopReason
from droplearn.contracts.training import OptionValue
from droplearn.scenarios.learning import StoppedEarly, TrainingContext
from droplearn.scenarios.recommendation.columns import Wanted, wanted_of
from droplearn.scenarios.recommendation.interactions import Mask
from droplearn.scenarios.recommendation.reading import Drop, check_enough, read_drop
from droplearn.scenarios.recommendation.spec import SPEC
from droplearn.scenarios.recommendation.splitting import held_out
from droplearn.scenarios.recommendation.training.base_model import all_sources, compare
from droplearn.scenarios.recommendation.training.ground import Ground
from droplearn.scenarios.recommendation.training.plan import CHEAP, DEPTH, FINE, USUAL, refinements
from droplearn.scenarios.recommendation.training.saving import Saver
from droplearn.scenarios.recommendation.training.selection import Question, Selection

MIN_PAIRS, MIN_USERS, MIN_ITEMS = 20, 2, 3
_SEED_OF_TEST = 1_000_003
"""Test and validation are drawn apart from one another."""
_FINISHED_IN_TIME_S = 60.0
"""After a stop there are two minutes (SageMaker), after max_runtime ten: a refit that takes up to this is still made."""


def train(context: TrainingContext) -> None:
    """Leaves a saved model. Raises InvalidDataset, and StoppedEarly where a stop came too early or too late for a refit."""
    if not context.group.is_leader:
        return
    run = Run(context)
    run.save_first()
    try:
        reason = run.try_candidates()
    except StoppedEarly as stop:
        if not run.is_quick_to_finish():
            raise
        reason = stop.reason
    if run.is_quick_to_finish():
        run.ignore_the_clock()
    run.save_best(reason)


class Run:
    """One training."""

    def __init__(self, context: TrainingContext) -> None:
        self.context, self.settings = context, context.request.settings
        self._ignores_clock = False
        self.excludes_history = bool(self._option("exclude_seen"))
        self.drop = self._read()
        self.is_test = self._held(self.settings.test_fraction, np.ones(len(self.drop.log), bool), self.settings.seed + _SEED_OF_TEST)
        self.is_validation = self._held(self.settings.validation_fraction, ~self.is_test, self.settings.seed)
        self.depth = DEPTH[self.settings.preset]
        self.log = self.drop.log.only(~self.is_test)
        self.selection = self._selection()
        self.saver = Saver(self)
        self.early_s = 0.0
        self.is_resumed = context.store.has_model
        """An earlier attempt left a model: only a final one takes its place."""

    # ---- steps -------------------------------------------------------------------------------------------------------
    def save_first(self) -> None:
        """Popularity needs no training: within seconds there is a model."""
        self.selection.try_stage(CHEAP[0])
        if not self.is_resumed:
            self.saver.save(CHEAP[0][0], "max_runtime", is_final=False)

    def try_candidates(self) -> StopReason:
        """Why it ended. Raises StoppedEarly."""
        for stage in CHEAP[1:]:
            self.selection.try_stage(stage)
        self._save_early()
        for stage in [*USUAL, *FINE[self.settings.preset]]:
            if self._is_good_enough():
                return "expected_accuracy"
            self.selection.try_stage(stage)
        for _ in range(3):
            stages = refinements(self.selection.best.setting, [t.setting for t in self.selection.tried], has_weights=self.log.is_weighted)
            for stage in stages:
                self.selection.try_stage(stage)
        return "converged"

    def _save_early(self) -> None:
        """Also tells how long a refit and its tables take."""
        if self.is_resumed:
            return
        started = monotonic()
        self.saver.save(self.selection.best.setting, "max_runtime", is_final=False)
        self.early_s = monotonic() - started

    def save_best(self, reason: StopReason) -> None:
        """The best one, fitted again on everything but the test split."""
        self.selection.ground.forget_counts()
        self.saver.save(self.selection.best.setting, reason, is_final=True)

    def seconds_of_refit(self) -> float:
        """Fitting the best again and writing its tables."""
        return 1.3 * self.selection.best.seconds + 1.2 * self.early_s

    def is_quick_to_finish(self) -> bool:
        """Known once the early model was saved."""
        return self.early_s > 0 and self.seconds_of_refit() <= _FINISHED_IN_TIME_S

    def check(self) -> None:
        """Raises StoppedEarly when time is over."""
        if not self._ignores_clock:
            self.context.deadline.check()

    def ignore_the_clock(self) -> None:
        """For the last steps after a stop."""
        self._ignores_clock = True

    # ---- beginnings --------------------------------------------------------------------------------------------------
    def reading(self) -> tuple[Wanted, float | None]:
        """What the options say about columns and weights."""
        least = self._option("min_weight")
        return wanted_of(self.settings), None if least is None else float(least)

    def _option(self, name: str) -> OptionValue | None:
        return self.settings.options.get(name, next(option.default for option in SPEC.options if option.name == name))

    def _read(self) -> Drop:
        drop = read_drop(all_sources(self.context.source, self.context.base), *self.reading(), self.check)
        self.context.store.save_health(self._health(drop))
        check_enough(drop.log, MIN_PAIRS, MIN_USERS, MIN_ITEMS)
        self.context.log.note(f"{len(drop.log):,} pairs, {len(drop.log.users):,} users, {len(drop.log.items):,} items")
        return drop

    def _health(self, drop: Drop) -> HealthReport:
        told = [f"{count:,} rows were left out: {reason}." for reason, count in drop.left_out.items()]
        if drop.log.time is None:
            told.append("There are no times: what is held out is drawn at random, not the latest of each user.")
        return HealthReport(
            version_id=self.context.request.dataset_version,
            checked_count=drop.row_count,
            excluded_count=sum(drop.left_out.values()),
            problem_counts={reason.replace(" ", "_"): count for reason, count in drop.left_out.items()},
            warnings=[*drop.notes, *told],
        )

    def _held(self, fraction: float, among: Mask, seed: int) -> Mask:
        found = np.zeros(len(self.drop.log), bool)
        if fraction > 0:
            found[among] = held_out(self.drop.log.only(among), fraction, seed)
        return found

    def _selection(self) -> Selection:
        everything = self.drop.log
        ground = Ground(everything.only(~self.is_test & ~self.is_validation), self.depth, self.settings.seed, self.check)
        question = Question.of(everything.only(self.is_validation), self.settings.seed)
        return Selection(ground, question, self.excludes_history, self.context.log, self._time_for_candidates)

    def _time_for_candidates(self) -> float:
        return self.context.deadline.remaining_s() - (self.seconds_of_refit() if self.selection.tried else 0.0)

    def _is_good_enough(self) -> bool:
        wanted = self.settings.expected_accuracy
        return wanted is not None and self.selection.best.score >= wanted

    def comparison(self) -> object:
        """With the base model, where there is one."""
        if self.context.base is None:
            return None
        best = self.selection.best
        return compare(
            self.context.base, self.drop.log, self.is_validation | self.is_test, self.selection.question, best.lists, self.reading()
        )
