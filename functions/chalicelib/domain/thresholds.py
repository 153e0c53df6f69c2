"""Precision, recall and F1 of an evaluation at any threshold, from its curves. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from droplearn.contracts.evaluation import EvaluationCurves, LabelCurve

DEFAULT_THRESHOLD = 0.8
MAX_DRAWN_POINTS = 200
MAX_SHARED_POINTS = 100


@dataclass(frozen=True)
class Scores:
    """Counts and what follows from them. Precision is None where nothing was answered, recall where nothing was to be found."""

    true_positives: int
    false_positives: int
    false_negatives: int

    @property
    def precision(self) -> float | None:
        """TP / (TP + FP)."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float | None:
        """TP / (TP + FN)."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """2 P R / (P + R); 0 where nothing is right."""
        return _ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives) or 0.0


def _ratio(one: int, other: int) -> float | None:
    return round(one / other, 6) if other else None


def at(curve: LabelCurve, threshold: float) -> Scores:
    """An answer counts when its confidence is at least the threshold."""
    return _point(curve, bisect_right(curve.thresholds, -threshold, key=lambda value: -value - 1e-9))


def _point(curve: LabelCurve, answered: int) -> Scores:
    """The first `answered` points of the curve are at or above the threshold."""
    right, wrong = (curve.true_positives[answered - 1], curve.false_positives[answered - 1]) if answered else (0, 0)
    return Scores(right, wrong, curve.positive_count - right)


def best(curve: LabelCurve) -> float | None:
    """The highest threshold of the best F1; None without a right answer."""
    scores = [(_point(curve, i + 1).f1, -i) for i in range(len(curve.thresholds))]
    if not scores or max(scores)[0] == 0:
        return None
    return curve.thresholds[-max(scores)[1]]


def micro(scores: Sequence[Scores]) -> Scores:
    """All labels' counts together."""
    return Scores(*(sum(getattr(s, name) for s in scores) for name in ("true_positives", "false_positives", "false_negatives")))


def macro(scores: Sequence[Scores]) -> dict[str, float | None]:
    """Means over the labels that occur; a label that was never answered counts with precision 0."""
    known = [s for s in scores if s.recall is not None]
    if not known:
        return {"precision": None, "recall": None, "f1": None}
    return {name: round(sum(getattr(s, name) or 0.0 for s in known) / len(known), 6) for name in ("precision", "recall", "f1")}


def scores_at(curves: EvaluationCurves, threshold: float, of_labels: Mapping[str, float]) -> list[tuple[LabelCurve, float, Scores]]:
    """Each label at its own threshold, or else at the common one."""
    chosen = ((curve, of_labels.get(curve.label, threshold)) for curve in curves.labels)
    return [(curve, own, at(curve, own)) for curve, own in chosen]


def drawn(curve: LabelCurve) -> Iterator[tuple[float, Scores]]:
    """At most MAX_DRAWN_POINTS points, the ends included."""
    count = len(curve.thresholds)
    step = max(1, -(-count // MAX_DRAWN_POINTS))
    for i in sorted({*range(0, count, step), count - 1} - {-1}):
        yield curve.thresholds[i], _point(curve, i + 1)


def at_shared_thresholds(curves: EvaluationCurves) -> Iterator[tuple[float, list[Scores]]]:
    """All labels at each of at most MAX_SHARED_POINTS thresholds that occur, from the highest down: what averages are drawn from."""
    occurring = sorted({threshold for curve in curves.labels for threshold in curve.thresholds}, reverse=True)
    step = max(1, -(-len(occurring) // MAX_SHARED_POINTS))
    for threshold in dict.fromkeys(occurring[::step] + occurring[-1:]):
        yield threshold, [at(curve, threshold) for curve in curves.labels]
