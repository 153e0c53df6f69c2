"""What a batch job reads and writes in the artifact bucket. Files and their places: s3_layout.py."""

from __future__ import annotations

from pydantic import Field

from droplearn.contracts.document import Document, Part
from droplearn.contracts.evaluation import LabelReport


class BatchInput(Part):
    """One line of inputs.jsonl: an object of the data bucket. `label`: the true one, where the dataset knows it."""

    key: str
    size_bytes: int = Field(ge=0)
    label: str | None = None


class Chunk(Part):
    """The objects of one transform job: those of its manifest, sorted by key."""

    first_key: str
    last_key: str
    count: int


class BatchPlan(Document):
    """plan.json: what is left to do, in chunks. `answered_count`: inputs that an earlier attempt has answered."""

    batch_id: str
    attempt: int
    input_count: int
    answered_count: int
    chunks: list[Chunk]


class ResultRow(Part):
    """One line of results.jsonl and a row of the summary. Of a ranking only the best label; of boxes, texts and table rows each is a row.

    `item`: its place among several of the same file. `error`: `1002 IMAGE_DECODE_ERROR`, `no_answer`, ...; then there is no label.
    """

    file: str
    item: int = 0
    label: str | float | None = None
    score: float | None = None
    error: str | None = None
    detail: str | None = None
    true_label: str | None = None


class BatchReport(Document):
    """report.json. Metrics as an evaluation names them, where the true labels are known; no intervals: an evaluation has them."""

    batch_id: str
    model_id: str
    scenario: str
    input_count: int
    answered_count: int
    failed_count: int
    failure_counts: dict[str, int] = Field(default_factory=dict)
    """By error."""
    skipped_counts: dict[str, int] = Field(default_factory=dict)
    """Objects that are no input, by reason."""
    label_counts: dict[str, int] = Field(default_factory=dict)
    """Rows by label; at most `MAX_LISTED_LABELS`, the most frequent of the first 10,000 different ones."""
    row_count: int
    scored_count: int = 0
    """Answered files whose true label is one of the model's."""
    metrics: dict[str, float] = Field(default_factory=dict)
    labels: list[LabelReport] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    """What the metrics do not tell."""


MAX_LISTED_LABELS = 200
