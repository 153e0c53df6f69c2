"""A frozen dataset version, and the health report that comes back from reading it.

Files of a version, in the artifact bucket below `versions/<version id>/`:
`version.json` (DatasetVersion), `examples.jsonl` (one VersionExample a line, sorted by path), `images.manifest` (SageMaker ManifestFile).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from droplearn.contracts.document import Document, Part


class ExampleStatus(StrEnum):
    """What indexing made of an object.

    `annotation`: it says something about other objects (a VOC XML file). `deleted`: a tombstone, which keeps late events from reviving the
    object.
    """

    LABELLED = "labelled"
    UNLABELLED = "unlabelled"
    ANNOTATION = "annotation"
    SKIPPED = "skipped"
    DELETED = "deleted"


Split = Literal["train", "validation", "test"]


class VersionExample(Part):
    """One example of a version. `path` is relative to the dataset's prefix; `etag` stands for the content.

    `annotation`: `{"file": PATH}` where the label stands in another object of the dataset.
    """

    path: str
    label: str | None = None
    split: Split
    etag: str
    size_bytes: int = Field(ge=0)
    annotation: dict[str, Any] | None = None


class DatasetVersion(Document):
    """An immutable, content-addressed list of examples and annotations."""

    version_id: str
    project: str
    dataset: str
    scenario: str
    source_uri: str
    """`s3://<data bucket>/<project>/<dataset>/`: what the paths are relative to."""
    created_at: str
    labels: list[str]
    """Sorted: the order of a model's outputs. Empty where labels stand inside the objects: the trainer reads them."""
    label_counts: dict[str, int]
    split_counts: dict[str, int]
    unlabelled_count: int = 0
    skipped_counts: dict[str, int] = Field(default_factory=dict)
    duplicate_count: int = 0
    """Examples whose content occurs earlier in the list; they share a split with it."""
    conflicting_count: int = 0
    """Of these, the ones that bear another label than it."""
    size_bytes: int = 0
    annotation_files: list[str] = Field(default_factory=list)
    """Objects that annotate the examples, sorted; they are in the images channel, too."""
    selected_labels: list[str] | None = None
    """What the task chose of the labels; None: all."""


class HealthProblem(Part):
    """One example that could not be used, or can be used but should be looked at."""

    path: str
    code: str
    """`corrupt`, `too_small`, `wrong_format`, `too_large`, `missing`, ... (per scenario)."""
    message: str
    is_excluded: bool


class HealthReport(Document):
    """What the deep check found while the bytes were read (D-5)."""

    version_id: str
    checked_count: int
    excluded_count: int
    problem_counts: dict[str, int] = Field(default_factory=dict)
    problems: list[HealthProblem] = Field(default_factory=list)
    """At most `MAX_LISTED_PROBLEMS`; the counts are complete."""
    warnings: list[str] = Field(default_factory=list)
    """About the dataset as a whole: imbalance, few examples, conflicting labels of duplicates."""


MAX_LISTED_PROBLEMS = 1000
