"""What callers see of evaluations and their results."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import Field

from chalicelib.api.views import ErrorView, View
from chalicelib.domain.comparison import SIGNIFICANT
from chalicelib.domain.thresholds import Scores, at_shared_thresholds, best, drawn, macro, micro
from chalicelib.service.evaluation_results import Comparison
from droplearn.contracts.evaluation import BadCase, BadCaseIndex, EvaluationCurves, LabelCurve
from droplearn.contracts.status import EvaluationStatus


class EvaluationView(View):
    """An evaluation; what it measured is there once it has SUCCEEDED."""

    id: str
    project: str
    model: str
    task: str | None
    dataset_project: str | None
    dataset: str | None
    dataset_version: str | None
    status: EvaluationStatus
    protocol: str | None
    example_count: int | None
    bad_case_count: int | None
    skipped_count: int | None = Field(description="Examples that could not be scored; the warnings say why")
    duration_s: float | None
    model_size_bytes: int | None = Field(description="Of the files that a server loads")
    metrics: dict[str, float]
    warnings: list[str]
    created_at: str
    updated_at: str
    ended_at: str | None
    error: ErrorView | None


class EvaluationPage(View):
    """Evaluations, newest first."""

    evaluations: list[EvaluationView]
    next_cursor: str | None = None


class ScoresView(View):
    """Null: nothing was answered (precision), or there was nothing to find (recall)."""

    precision: float | None
    recall: float | None
    f1: float | None


class LabelScoresView(ScoresView):
    """One label at its threshold."""

    label: str
    threshold: float
    true_positives: int
    false_positives: int
    false_negatives: int
    average_precision: float | None
    best_threshold: float | None = Field(description="Of the label's best F1")

    @classmethod
    def of(cls, curve: LabelCurve, threshold: float, scores: Scores) -> LabelScoresView:
        """With the suggestion."""
        return cls(
            **asdict(scores),
            **_ratios(scores),
            label=curve.label,
            threshold=threshold,
            average_precision=curve.average_precision,
            best_threshold=best(curve),
        )


class ThresholdsView(View):
    """An evaluation at a threshold, and at labels' own ones."""

    evaluation: str
    threshold: float
    resolution: float = Field(description="Thresholds are exact at multiples of it")
    micro: ScoresView
    macro: ScoresView
    labels: list[LabelScoresView]

    @classmethod
    def of(cls, curves: EvaluationCurves, threshold: float, found: list[tuple[LabelCurve, float, Scores]]) -> ThresholdsView:
        """From the scores of each label."""
        scores = [s for _, _, s in found]
        return cls(
            evaluation=curves.evaluation_id,
            threshold=threshold,
            resolution=curves.resolution,
            micro=ScoresView(**_ratios(micro(scores))),
            macro=ScoresView(**macro(scores)),
            labels=[LabelScoresView.of(*row) for row in found],
        )


def _ratios(scores: Scores) -> dict[str, float | None]:
    return {"precision": scores.precision, "recall": scores.recall, "f1": scores.f1}


class PointView(ScoresView):
    """A point of a curve."""

    threshold: float


class CurveView(View):
    """A label's curve, from the highest threshold down."""

    label: str
    positive_count: int
    average_precision: float | None
    points: list[PointView]


class CurvesView(View):
    """Precision against recall (E-3)."""

    evaluation: str
    micro_average_precision: float | None
    macro_average_precision: float | None
    micro: list[PointView] = Field(description="All labels' answers together")
    macro: list[PointView] = Field(description="Means over the labels that occur, each at the same threshold")
    labels: list[CurveView]

    @classmethod
    def of(cls, curves: EvaluationCurves) -> CurvesView:
        """Thinned for drawing."""
        averaged = list(at_shared_thresholds(curves))
        return cls(
            evaluation=curves.evaluation_id,
            micro_average_precision=curves.micro_average_precision,
            macro_average_precision=curves.macro_average_precision,
            micro=[PointView(threshold=t, **_ratios(micro(scores))) for t, scores in averaged],
            macro=[PointView(threshold=t, **macro(scores)) for t, scores in averaged],
            labels=[
                CurveView(
                    label=curve.label,
                    positive_count=curve.positive_count,
                    average_precision=curve.average_precision,
                    points=[PointView(threshold=t, **_ratios(s)) for t, s in drawn(curve)],
                )
                for curve in curves.labels
            ],
        )


class BadCaseView(View):
    """A wrong answer."""

    path: str
    label: str
    predicted: str
    confidence: float
    truth: str | None = Field(None, description="What stands there, where `label` only names a field")
    given: str | None = Field(None, description="What was read in its place")
    preview_url: str | None = Field(None, description="Of the object, good for 15 minutes")

    @classmethod
    def of(cls, case: BadCase, preview_url: str | None) -> BadCaseView:
        """With a link or without."""
        return cls(**case.model_dump(), preview_url=preview_url)


class BadCasePage(View):
    """Wrong answers."""

    bad_cases: list[BadCaseView]
    next_cursor: str | None = None


class BadCaseCount(View):
    """A pair of labels that is confused."""

    label: str
    predicted: str
    count: int


class BadCaseGroups(View):
    """All of them, by label and predicted label."""

    evaluation: str
    count: int
    groups: list[BadCaseCount]

    @classmethod
    def of(cls, evaluation: str, index: BadCaseIndex) -> BadCaseGroups:
        """From the index of the file."""
        groups = [BadCaseCount.model_validate(group) for group in index.groups]
        return cls(evaluation=evaluation, count=sum(group.count for group in groups), groups=groups)


class ComparisonView(View):
    """Two models on the same examples."""

    evaluation: str
    other: str
    example_count: int
    only_first_wrong: int
    only_second_wrong: int
    both_wrong: int
    p_value: float = Field(description="Exact McNemar test, two-sided")
    is_significant: bool
    metrics: dict[str, tuple[float, float]]

    @classmethod
    def of(cls, first: str, second: str, found: Comparison) -> ComparisonView:
        """At the usual 5 %."""
        return cls(evaluation=first, other=second, is_significant=found.p_value < SIGNIFICANT, **asdict(found))
