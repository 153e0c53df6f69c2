"""Models, numbered within their project."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, TypedDict

from chalicelib.domain.records import ById
from droplearn.contracts.errors import Conflict

CLAIM_S = 300
"""Lists may be behind: for so long, what is made with a model is looked up by its id."""
BEGUN_WITHIN_S = 60
"""From a claim to its record: one request."""


class Claim(TypedDict):
    """`subject` is going to use the model. It does once there is such a record, of at least this attempt."""

    subject: str
    attempt: int
    at: str


@dataclass(frozen=True)
class Model(ById):
    """The essentials of a ModelManifest. `metrics` are the trainer's; `evaluation_metrics` those of its task's evaluation."""

    KIND: ClassVar[str] = "MODEL"

    id: str
    project: str
    number: int
    task: str
    scenario: str
    dataset: str
    dataset_version: str
    preset: str
    created_at: str
    artifact_uri: str
    labels: list[str]
    stop_reason: str
    metrics: dict[str, float]
    metrics_protocol: str
    updated_at: str | None = None
    candidates: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    base_model: dict[str, Any] | None = None
    """Of one that continues another: a BaseModelComparison."""
    code_version: str = ""
    size_bytes: int = 0
    training_seconds: float = 0.0
    evaluation: str | None = None
    evaluation_protocol: str | None = None
    evaluation_metrics: dict[str, float] | None = None
    optimisation: dict[str, Any] | None = None
    """`status`, and the report: variants with what was measured and why each was published or kept aside."""
    claims: list[Claim] = field(default_factory=list)
    """The latest."""
    claim_count: int | None = None
    """Grows with each claim: of a claim and a deletion at the same time one looks again."""
    deleting_since: str | None = None
    """It is being deleted: nothing new may use it."""

    @property
    def listing(self) -> tuple[str, str]:
        """A project's models by number."""
        return models_of(self.project), f"{self.number:06d}"

    def check_fall(self, *, is_accepted: bool) -> None:
        """Before it is put to use: worse on what its base model knew, only by somebody's word. Raises Conflict (`model.has_fallen`)."""
        told = self.base_model or {}
        if is_accepted or not told.get("has_fallen"):
            return
        before, after, count = told["accuracy_before"], told["accuracy_after"], told["example_count"]
        raise Conflict(
            "model.has_fallen",
            f"Model {self.id} is worse than its base model {told['model_id']} on the old labels: {told.get('metric', 'top1_accuracy')} "
            f"{before:.4g} before, {after:.4g} now, on {count} old examples that neither learnt from.",
            hint="Train with more of the old examples, or for longer; keep the base model; or accept it: accept_fall, --accept-fall.",
            details=told,
        )


def models_of(project: str) -> str:
    """The listing."""
    return f"PROJECT#{project}#MODELS"
