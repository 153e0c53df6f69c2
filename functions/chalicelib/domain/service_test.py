"""Tests of a running service with some images (Y-3), and how one answer is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from chalicelib.domain.batch_rows import rows_of
from chalicelib.domain.records import ById
from droplearn.contracts.batch import BatchInput
from droplearn.contracts.document import Document, Part

MAX_IMAGES = 30
"""Of one test, and of those that are kept for a service: older ones go."""
MAX_LISTED = 1000
"""Objects below the path of a test: more is a batch job's work."""
KEPT_S = 30 * 24 * 3600
"""How long a test stands in the list."""
DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class ServiceTest(ById):
    """One test. `left_out_count`: older images below the path; `removed_count`: kept ones that were removed for newer ones."""

    KIND: ClassVar[str] = "SERVICE_TEST"

    id: str
    service: str
    project: str
    model: str
    path: str
    created_at: str
    expires_at: int
    image_count: int
    left_out_count: int
    removed_count: int
    skipped_count: int
    """Objects that are no input of the scenario."""
    pending_count: int = 0
    """Images that have no answer yet, as the last call left it."""
    failed_count: int = 0
    scored_count: int = 0
    """Images whose true label is one of the model's."""
    right_count: int = 0
    query: str = ""
    """The options of each answer."""
    version: str | None = None
    """Of the service, which every answer is of; None: made by an earlier release, or the name that was asked for is none."""
    turn: int = 0
    """How many calls have held it."""
    held_until: str | None = None
    """By a call that asks now."""
    updated_at: str | None = None

    @property
    def listing(self) -> tuple[str, str]:
        """A service's tests by time."""
        return tests_of(self.service), self.id


def tests_of(service: str) -> str:
    """The listing."""
    return f"SERVICE#{service}#TESTS"


class ImageAnswer(Part):
    """`answer`: as the service gave it, also where it is an error; `error`: why there is none; neither: it is still to be asked.
    `cuts`: how often a call's time ended before it answered, asked alone. `true_label`: one of the model's.
    """

    key: str
    size_bytes: int
    true_label: str | None = None
    answer: dict[str, Any] | None = None
    error: str | None = None
    cuts: int = 0

    @property
    def is_waiting(self) -> bool:
        """To be asked in this call or the next."""
        return self.answer is None and self.error is None

    @property
    def failure(self) -> str | None:
        """In one line."""
        if self.answer is None:
            return self.error
        row = rows_of(BatchInput(key=self.key, size_bytes=self.size_bytes), self.answer)[0]
        return f"{row.error} {row.detail or ''}".rstrip() if row.error else None

    @property
    def is_right(self) -> bool | None:
        """None where there is nothing to compare: no true label, or an answer of several things."""
        if self.answer is None or self.true_label is None:
            return None
        rows = rows_of(BatchInput(key=self.key, size_bytes=self.size_bytes), self.answer)
        is_one_label = len(rows) == 1 and isinstance(rows[0].label, str)
        return rows[0].label == self.true_label if is_one_label else None

    def predictions(self, threshold: float) -> list[dict[str, Any]]:
        """Those of at least this confidence; what has none is always among them."""
        if self.answer is None or self.failure:
            return []
        entries = [entry for output in self.answer["result"]["output"] for entry in output["body"]]
        return [entry for entry in entries if entry.get("conf") is None or entry["conf"] >= threshold]


class ImageAnswers(Document):
    """All of one test, newest image first: any threshold is answered from it, without asking the service again."""

    images: list[ImageAnswer]

    @property
    def waiting(self) -> list[ImageAnswer]:
        """Those without an answer, newest first."""
        return [image for image in self.images if image.is_waiting]

    @property
    def counts(self) -> dict[str, int]:
        """For the test's record."""
        verdicts = [image.is_right for image in self.images if image.is_right is not None]
        return {
            "image_count": len(self.images),
            "pending_count": len(self.waiting),
            "failed_count": sum(image.failure is not None for image in self.images),
            "scored_count": len(verdicts),
            "right_count": sum(verdicts),
        }

    def with_answers(self, answered: list[ImageAnswer]) -> ImageAnswers:
        """These in their places."""
        by_key = {image.key: image for image in answered}
        return self.model_copy(update={"images": [by_key.get(image.key, image) for image in self.images]})
