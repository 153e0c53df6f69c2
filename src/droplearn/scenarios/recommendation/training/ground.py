"""What candidates are fitted on, and how one is fitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple

from droplearn.scenarios.recommendation.interactions import Interactions, Matrix, Numbers
from droplearn.scenarios.recommendation.recommenders.ease import MAX_ITEMS, EaseFitter
from droplearn.scenarios.recommendation.recommenders.ials import SWEEPS, IalsSetting, fit_ials
from droplearn.scenarios.recommendation.recommenders.neighbours import Variant, fit_neighbours, rp3beta, shrunk_cosine
from droplearn.scenarios.recommendation.recommenders.popularity import Popularity, popularity_of
from droplearn.scenarios.recommendation.recommenders.ranking import Recommender

Family = Literal["popularity", "cosine", "rp3beta", "ease", "ials"]
EASE_OPERATIONS_A_SECOND = 2e10
"""Measured 8e10 on one idle core of 2020's servers, float32; slower machines and busy ones are allowed for."""
IALS_OPERATIONS_A_SECOND, IALS_SECONDS_A_ROW = 2e9, 8e-5
"""Measured on one core, with numpy's small matrices."""


class Setting(NamedTuple):
    """One candidate. `values`: the family's parameters."""

    family: Family
    values: tuple[float, ...] = ()
    is_weighted: bool = False

    @property
    def name(self) -> str:
        """For the manifest: `ease (regularisation 250)`."""
        told = {"cosine": "shrinkage {:g}", "rp3beta": "beta {:g}", "ease": "regularisation {:g}", "popularity": ""}.get(self.family)
        text = IalsSetting(int(self.values[0]), *self.values[1:]).name if told is None else told.format(*self.values)
        parts = [part for part in (text, "weighted" if self.is_weighted else "") if part]
        return f"{self.family} ({', '.join(parts)})" if parts else self.family


class Ground:
    """A log that is learnt from. `check` raises when time is over; `depth`: neighbours kept of each item."""

    def __init__(self, log: Interactions, depth: int, seed: int, check: Callable[[], None]) -> None:
        self.log, self.depth, self.seed, self.check = log, depth, seed, check
        self.matrix: Matrix = log.matrix()
        self.popularity: Numbers = popularity_of(self.matrix)
        self._ease: dict[bool, EaseFitter] = {}

    @cached_property
    def weighted(self) -> Matrix:
        """The weights instead of ones."""
        return self.log.matrix(is_weighted=True)

    def history(self, setting: Setting) -> Matrix:
        """What this candidate is fitted on, and asked with."""
        return self.weighted if setting.is_weighted else self.matrix

    def fit(self, settings: Sequence[Setting]) -> list[Recommender]:
        """Settings of one family; neighbours share one count."""
        family, matrix = settings[0].family, self.history(settings[0])
        if family == "popularity":
            return [Popularity(self.popularity)]
        if family == "ease":
            return [self._ease_fitter(s).fit(s.values[0]) for s in settings]
        if family == "ials":
            return [fit_ials(matrix, IalsSetting(int(s.values[0]), *s.values[1:]), self.seed, self.check) for s in settings]
        variants = [neighbour_variant(s) for s in settings]
        return list(fit_neighbours(matrix, variants, self.depth, self.check, divides_by_length=family == "rp3beta"))

    def seconds(self, setting: Setting) -> float:
        """What a fit should take, before one was measured."""
        if setting.family == "ease":
            return min(MAX_ITEMS, int((self.popularity >= 2).sum())) ** 3 / EASE_OPERATIONS_A_SECOND
        if setting.family == "ials":
            rows = sum(self.matrix.shape) * SWEEPS
            return 4 * self.matrix.nnz * setting.values[0] ** 2 * SWEEPS / IALS_OPERATIONS_A_SECOND + rows * IALS_SECONDS_A_ROW
        return 0.0

    def forget_counts(self) -> None:
        """Frees EASE's matrices."""
        self._ease.clear()

    def _ease_fitter(self, setting: Setting) -> EaseFitter:
        if setting.is_weighted not in self._ease:
            self._ease.clear()
            self._ease[setting.is_weighted] = EaseFitter(self.history(setting), self.popularity, self.check)
        return self._ease[setting.is_weighted]


def neighbour_variant(setting: Setting) -> Variant:
    """rp3beta or cosine."""
    make: Any = rp3beta if setting.family == "rp3beta" else shrunk_cosine
    found: Variant = make(setting.values[0])
    return found
