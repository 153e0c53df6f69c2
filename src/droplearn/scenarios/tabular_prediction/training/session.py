"""The state of one training: folds, library, the best mixture so far. Saves whatever is better than before."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from importlib.util import find_spec

import numpy as np

from droplearn.contracts.model import Candidate, StopReason
from droplearn.scenarios.learning import TrainingContext
from droplearn.scenarios.learning.folds import make_folds
from droplearn.scenarios.learning.threads import core_count
from droplearn.scenarios.tabular_prediction.training.autogluon_stage import train_autogluon
from droplearn.scenarios.tabular_prediction.training.bagging import Fold, train_member
from droplearn.scenarios.tabular_prediction.training.drafts import make_draft
from droplearn.scenarios.tabular_prediction.training.fitting import Abandoned, Recipe
from droplearn.scenarios.tabular_prediction.training.importance import Importance, permutation_importance
from droplearn.scenarios.tabular_prediction.training.library import Library, Member
from droplearn.scenarios.tabular_prediction.training.mixture import Mixture, mix
from droplearn.scenarios.tabular_prediction.training.portfolio import floor, is_rich, portfolio
from droplearn.scenarios.tabular_prediction.training.rows import LearningRows, strata

ONE_SPLIT_FROM, FEWER_FOLDS_FROM, MORE_FOLDS_BELOW = 300_000, 60_000, 2_000
"""Rows. Where there are few, each counts: models learn from seven eighths of them."""
FLOOR_ROWS, FLOOR_SHARE, FLOOR_LIMIT_S, FLOOR_PATIENCE = 50_000, 0.15, 20.0, 60
NOISE = 2e-4
"""Of the loss. A mixture of more members that is worse by less than this is taken: it is the steadier one."""
NETWORK_START_S = 20.0
"""Importing torch takes seconds that nothing can interrupt."""
MEMBER_SHARE = 0.4
"""Of the time that is left, at most, for one member."""
IMPORTANCE_SHARE, IMPORTANCE_LIMIT_S = 0.05, 20.0


class Session:
    """Made once per training."""

    def __init__(self, context: TrainingContext, rows: LearningRows) -> None:
        self._context, self.rows = context, rows
        self._seed = context.request.settings.seed
        self.folds = self._make_folds()
        self._library = Library(context.checkpoints / "members", self._key(), rows.problem.label_count)
        self._floor: Member | None = None
        self._pace_s = 0.0
        self._was_short = False
        self._best: Mixture | None = None
        self._importance: Importance | None = None
        self._candidates: dict[str, Candidate] = {}
        self._done = 0

    def train_floor(self) -> None:
        """One model on one split, saved at once. Raises Abandoned."""
        kept, held_out = self.folds[0]
        if len(kept) > FLOOR_ROWS:
            kept = np.sort(np.random.default_rng(self._seed).permutation(kept)[:FLOOR_ROWS])
        limit = min(FLOOR_LIMIT_S, FLOOR_SHARE * self._context.deadline.remaining_s())
        member = train_member(floor(self.rows.problem), self.rows, [(kept, held_out)], self._seed, limit, self._must_end)
        self._floor = member
        trained = min(member.rounds + FLOOR_PATIENCE, int(floor(self.rows.problem).parameters["iterations"]))
        longer = len(self.folds[0][0]) / len(kept)
        self._pace_s = member.seconds / trained * longer * (1 + 0.5 * (core_count() - 1))  # threads share a round badly
        self._best = mix([member], self.rows, self._seed)
        self._note_candidate(member)
        self._log(self._best)
        if not self._context.store.has_model:
            self._save("enough_already", is_final=False)
            self._context.log.note(f"first model saved after {self._context.deadline.elapsed_s():.1f} s")

    def recipes(self) -> Iterator[Recipe]:
        """What is to be tried: as many as the user wants, those of an earlier attempt first."""
        wishes = self._context.request.settings.hyper_parameters
        rich = is_rich(len(self.rows), self._floor.rounds if self._floor else 0)
        yield from itertools.islice(portfolio(self.rows.problem, wishes, is_rich=rich), wishes.epochs)

    def fits(self, recipe: Recipe) -> bool:
        """Whether its library is there, and time for this member, judged by the last of its kind."""
        if recipe.name in self._library.members:
            return True
        if recipe.kind == "network" and find_spec("torch") is None:
            self._candidates[recipe.name] = Candidate(name=recipe.name, metrics={}, reason="not tried: torch is not installed")
            return False
        does_fit = self._has_time_for(recipe)
        if not does_fit:
            self._was_short = True
            self._candidates[recipe.name] = Candidate(name=recipe.name, metrics={}, reason="not tried: too little time was left")
        return does_fit

    def reason_of_end(self) -> StopReason:
        """Once all members were looked at."""
        if self._was_short:
            return "max_runtime"
        return "epochs_done" if self._context.request.settings.hyper_parameters.epochs else "converged"

    def _has_time_for(self, recipe: Recipe) -> bool:
        alike = [m.seconds for m in self._library.members.values() if m.kind == recipe.kind]
        least = NETWORK_START_S if recipe.kind == "network" else 2.0
        return self._context.deadline.remaining_s() > max(least, 0.5 * alike[-1] if alike else 0.0)

    def try_member(self, recipe: Recipe) -> bool:
        """Whether the mixture gained. Raises Abandoned."""
        member = self._library.members.get(recipe.name)
        if member is None:
            limit = MEMBER_SHARE * self._context.deadline.remaining_s()
            member = train_member(recipe, self.rows, self.folds, self._seed, limit, self._must_end, self._pace_s)
            self._library.add(member)
        return self._take(member)

    def try_autogluon(self) -> None:
        """With the time that is left. Raises Abandoned."""
        left = self._context.deadline.remaining_s()
        outcome = train_autogluon(self.rows, self.folds, left - max(5.0, 0.03 * left), self._must_end)
        self._context.log.note(f"AutoGluon: {outcome.reason}")
        if self._must_end():
            raise Abandoned
        if outcome.member is None:
            self._candidates["autogluon"] = Candidate(name="autogluon", metrics={}, reason=outcome.reason)
        else:
            self._library.members[outcome.member.name] = outcome.member
            self._take(outcome.member)

    def _take(self, member: Member) -> bool:
        """Whether the mixture gains by it."""
        self._done += 1
        self._note_candidate(member)
        mixture = mix(list(self._library.members.values()), self.rows, self._seed)
        self._log(mixture)
        is_first = self._best is None or len(self._best.rows) < len(mixture.rows)
        gain = np.inf if is_first or self._best is None else (self._best.loss - mixture.loss) / max(abs(self._best.loss), 1e-9)
        if gain < -NOISE:
            return False
        self._best = mixture
        self._save("enough_already", is_final=False)
        return bool(gain > NOISE)

    def is_good_enough(self) -> bool:
        """Whether the expected accuracy is reached."""
        expected = self._context.request.settings.expected_accuracy
        return expected is not None and self._best is not None and self._best.scores.get("accuracy", 0.0) >= expected

    def finish(self, reason: StopReason) -> None:
        """With the importance of the columns."""
        self._save(reason, is_final=True)

    def _save(self, reason: StopReason, *, is_final: bool) -> None:
        if self._best is None:
            return
        if self._importance is None or is_final:
            limit = min(IMPORTANCE_LIMIT_S, IMPORTANCE_SHARE * self._context.deadline.remaining_s())
            self._importance = permutation_importance(self._best, self.rows, limit, self._seed, self._must_end) or self._importance
        draft = make_draft(self._context, self.rows, self._best, self._importance, list(self._shown_candidates()), reason)
        self._context.store.save(draft, is_final=is_final)

    def _shown_candidates(self) -> Iterator[Candidate]:
        weights = {m.name: w for m, w in zip(self._best.members, self._best.weights, strict=True)} if self._best else {}
        for name, candidate in self._candidates.items():
            if not candidate.metrics:
                yield candidate
                continue
            weight = weights.get(name, 0.0)
            yield candidate.model_copy(
                update={"is_chosen": weight > 0, "reason": f"weight {weight:.2f} in the mixture; {candidate.reason}"}
            )

    def _note_candidate(self, member: Member) -> None:
        found = self.rows.problem.scores(member.predictions[member.rows], member.rows)
        scores = {f"valid_{name}": round(value, 6) for name, value in found.items()}
        reason = f"{len(member.models)} models in {member.seconds:.0f} s"
        self._candidates[member.name] = Candidate(name=member.name, metrics=scores, reason=reason)

    def _log(self, mixture: Mixture) -> None:
        told = {f"valid_{name}": value for name, value in mixture.scores.items()}
        told["valid_loss"] = told.get("valid_log_loss", told.get("valid_rmse", 0.0))
        planned = self._context.request.settings.hyper_parameters.epochs or 8
        self._context.log.metric("members", self._done, max(planned, self._done), told)

    def _must_end(self) -> bool:
        return self._context.deadline.interruption() is not None

    def _make_folds(self) -> list[Fold]:
        count, fraction = len(self.rows), self._context.request.settings.validation_fraction
        several = 3 if count >= FEWER_FOLDS_FROM else 5 if count >= MORE_FOLDS_BELOW else 8
        wanted = max(2, round(1 / fraction)) if count >= ONE_SPLIT_FROM else several
        names = [str(content) for content in self.rows.contents.tolist()]
        folds = list(make_folds(strata(self.rows.problem), names, self._seed, wanted))
        return folds[:1] if count >= ONE_SPLIT_FROM else folds

    def _key(self) -> str:
        request = self._context.request
        settings = request.settings.model_dump(mode="json", exclude={"max_runtime_s", "resources", "expected_accuracy"})
        told = [request.task_id, settings, self.rows.plan.model_dump(mode="json"), hashlib.sha256(self.rows.contents.tobytes()).hexdigest()]
        return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()
