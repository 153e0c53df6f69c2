"""What an evaluation is asked, and its report."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from droplearn.contracts.document import Document, Part

EvaluationProtocol = Literal["test_split", "held_out_validation", "cross_validation", "other_dataset"]


class EvaluationRequest(Document):
    """`request.json` of the processing job.

    `split`: which examples of the dataset version the model is run on; `held_out`: nothing is run, the predictions that the
    trainer made while each example was held out are scored. None of both: every labelled example of the version.
    """

    evaluation_id: str
    model_id: str
    scenario: str
    dataset_version: str
    source: Literal["test_split", "held_out", "all_examples"]
    code_version: str


class LabelReport(Part):
    """One label against the rest, at the most probable label."""

    label: str
    support: int
    predicted: int
    precision: float
    recall: float
    f1: float


class CalibrationBin(Part):
    """Predictions whose confidence lies in (low, high]."""

    low: float
    high: float
    count: int
    mean_confidence: float
    accuracy: float


class EvaluationReport(Document):
    """`report.json`. Every metric in [0, 1] except log_loss (nats) and the errors of a regression (the target's unit)."""

    evaluation_id: str
    model_id: str
    scenario: str
    dataset_version: str
    protocol: EvaluationProtocol
    created_at: str
    example_count: int
    bad_case_count: int | None = None
    """Examples whose answer is wrong; None where no answer is simply right or wrong."""
    skipped_count: int = 0
    """Examples that could not be read, or whose label the model does not know (also named in `warnings`)."""
    duration_s: float
    model_size_bytes: int | None = None
    """Of the files that a server loads."""
    metrics: dict[str, float]
    """By the names of the scenario's spec: `top1_accuracy`, `map_50`, `rmse`, ..."""
    intervals: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """95 % confidence interval of some of the metrics, by bootstrap over the examples."""
    labels: list[LabelReport] = Field(default_factory=list)
    confusion_matrix: list[list[int]] = Field(default_factory=list)
    """Of a classification. Row: true label; column: predicted; in the order of `labels`."""
    calibration: list[CalibrationBin] = Field(default_factory=list)
    details: dict[str, Any] = Field(default_factory=dict)
    """What only this scenario tells, small: precision of each class, of each field, importances, ... Its README names the keys."""
    warnings: list[str] = Field(default_factory=list)


class LabelCurve(Part):
    """One label at every threshold: an answer counts as this label when its confidence is at least `thresholds[i]`."""

    label: str
    positive_count: int
    """Examples, or objects, that bear the label."""
    average_precision: float | None
    """Area under the precision-recall curve; None without positives."""
    thresholds: list[float]
    """Descending multiples of the file's resolution; between two of them nothing changes."""
    true_positives: list[int]
    false_positives: list[int]


class EvaluationCurves(Document):
    """`curves.json`: small, and enough for precision, recall and F1 at any threshold."""

    evaluation_id: str
    resolution: float
    micro_average_precision: float | None
    macro_average_precision: float | None
    labels: list[LabelCurve]


class BadCase(Part):
    """One line of `bad_cases.jsonl`, which is sorted by label, predicted label and falling confidence."""

    path: str
    label: str
    predicted: str
    confidence: float
    truth: str | None = None
    """What stands there, where `label` only names a field."""
    given: str | None = None
    """What was read in its place."""


class BadCaseGroup(Part):
    """Where the bad cases of one pair of labels lie in `bad_cases.jsonl`."""

    label: str
    predicted: str
    count: int
    first_byte: int
    byte_count: int


class BadCaseIndex(Document):
    """`bad_cases.json`: the groups in the file's order."""

    evaluation_id: str
    groups: list[BadCaseGroup]


class EvaluationSummary(Part):
    """What DynamoDB keeps of a report."""

    protocol: EvaluationProtocol
    example_count: int
    bad_case_count: int | None = None
    skipped_count: int = 0
    duration_s: float | None = None
    model_size_bytes: int | None = None
    metrics: dict[str, float]
    report_key: str
