"""Evaluations: a model measured on a dataset version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from chalicelib.domain.failure import Problem
from chalicelib.domain.records import Executed


@dataclass(frozen=True)
class Evaluation(Executed):
    """`task` is set when the task's own state machine asked for it; `dataset` (of `dataset_project`) when a person did (E-6)."""

    KIND: ClassVar[str] = "EVALUATION"

    id: str
    project: str
    model: str
    status: str
    created_at: str
    updated_at: str
    attempt: int = 1
    """The only one."""
    task: str | None = None
    dataset_project: str | None = None
    dataset: str | None = None
    dataset_version: str | None = None
    source: str | None = None
    execution: str | None = None
    summary: dict[str, Any] | None = None
    """An EvaluationSummary."""
    ended_at: str | None = None
    warnings: list[str] | None = None
    error: Problem | None = None

    @property
    def listing(self) -> tuple[str, str]:
        """A model's evaluations by time."""
        return evaluations_of(self.model), self.id


def evaluations_of(model: str) -> str:
    """The listing."""
    return f"MODEL#{model}#EVALUATIONS"
