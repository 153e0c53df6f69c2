"""The choice between candidates: each is fitted without the held-out interactions and ranked by nDCG on them, as long as time is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

import numpy as np

from droplearn.contracts.model import Candidate
from droplearn.scenarios.learning import TrainingLog
from droplearn.scenarios.recommendation.interactions import Interactions, Matrix
from droplearn.scenarios.recommendation.metrics import AT, list_metrics
from droplearn.scenarios.recommendation.recommenders.ranking import Recommender, rank_items
from droplearn.scenarios.recommendation.training.ground import Ground, Setting

MAX_SCORED_USERS = 5_000
_CAUTION = 1.5


@dataclass(frozen=True)
class Question:
    """Users whose held-out items (`relevant`) are to be found; `users` are places, at most MAX_SCORED_USERS of them."""

    users: list[int]
    relevant: list[list[int]]

    @classmethod
    def of(cls, held: Interactions, seed: int) -> Question:
        """The users with held-out items, or a sample."""
        matrix: Matrix = held.matrix()
        users = np.flatnonzero(matrix.getnnz(axis=1))
        if len(users) > MAX_SCORED_USERS:
            users = np.sort(np.random.default_rng(seed).choice(users, MAX_SCORED_USERS, replace=False))
        return cls(users.tolist(), [matrix.indices[matrix.indptr[u] : matrix.indptr[u + 1]].tolist() for u in users])


@dataclass(frozen=True)
class Tried:
    """A candidate, its metrics, what it recommended, and the seconds it took."""

    setting: Setting
    metrics: dict[str, float]
    lists: list[list[int]]
    seconds: float

    @property
    def score(self) -> float:
        """What is compared."""
        return self.metrics["ndcg_at_10"]


@dataclass
class Selection:
    """Grows with each stage. `remaining_s`: time for candidates; `excludes_history`: users want new items only."""

    ground: Ground
    question: Question
    excludes_history: bool
    log: TrainingLog
    remaining_s: Callable[[], float]
    tried: list[Tried] = field(default_factory=list)
    skipped: list[Candidate] = field(default_factory=list)

    @property
    def best(self) -> Tried:
        """Ties go to the one tried first, which is the simpler one."""
        return max(self.tried, key=lambda t: t.score)

    def best_of(self, family: str) -> Tried | None:
        """The best of one family."""
        return max((t for t in self.tried if t.setting.family == family), key=lambda t: t.score, default=None)

    def try_stage(self, settings: Sequence[Setting]) -> None:
        """All settings, or none where time is too short. Raises StoppedEarly."""
        need = _CAUTION * len(settings) * self._seconds(settings[0])
        if need > self.remaining_s():
            reason = f"not tried: it would take about {need:.0f} s"
            self.skipped += [Candidate(name=s.name, metrics={}, reason=reason) for s in settings]
            self.log.note(f"{settings[0].name}: {reason}")
            return
        started = monotonic()
        for setting, recommender in zip(settings, self.ground.fit(settings), strict=True):
            self._score(setting, recommender, monotonic() - started)
            started = monotonic()

    def candidates(self, chosen: Setting) -> list[Candidate]:
        """For the manifest, best first."""
        ranked = sorted(self.tried, key=lambda t: -t.score)
        told = [Candidate(name=t.setting.name, metrics=_rounded(t.metrics), is_chosen=t.setting == chosen) for t in ranked]
        return [*told, *self.skipped]

    def _seconds(self, setting: Setting) -> float:
        known = [t.seconds for t in self.tried if t.setting.family == setting.family and t.setting.values[:1] >= setting.values[:1]]
        return max(known, default=0.0) or self.ground.seconds(setting)

    def _score(self, setting: Setting, recommender: Recommender, fit_s: float) -> None:
        started = monotonic()
        lists = ranked_lists(recommender, self.ground, setting, self.question.users, excludes_history=self.excludes_history)
        metrics = list_metrics(lists, self.question.relevant, len(self.ground.log.items))
        self.tried.append(Tried(setting, metrics, lists, fit_s + monotonic() - started))
        shown = {f"valid_{name}": value for name, value in metrics.items()}
        self.log.metric(setting.name, len(self.tried), len(self.tried), shown)


def ranked_lists(
    recommender: Recommender, ground: Ground, setting: Setting, users: Sequence[int], *, excludes_history: bool
) -> list[list[int]]:
    """Ten items for each of these users."""
    history = ground.history(setting)[users]
    blocks = rank_items(recommender, history, ground.popularity, AT, excludes_history=excludes_history, check=ground.check)
    return [row for block in blocks for row in block.items.tolist()]


def _rounded(metrics: dict[str, float]) -> dict[str, float]:
    return {f"valid_{name}": round(value, 6) for name, value in metrics.items()}
