"""A question to a model that is no service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class TrialQuestion:
    """`archive_key` names the model's archive, `archive_url` is a link to it. `query`: the options."""

    archive_key: str
    archive_url: str
    body: bytes
    content_type: str
    query: str = ""


@dataclass(frozen=True)
class TrialAnswer:
    """In the prediction form, also where it is an error."""

    http_status: int
    body: bytes
    load_s: float = 0.0
    answer_s: float = 0.0


class TrialRunner(Protocol):
    """The serving image as a Lambda."""

    def answer(self, question: TrialQuestion) -> TrialAnswer:
        """Raises InvalidRequest (`model.unusable`, `model.too_large`, ...), TransientError (`trial.failed`, `trial.too_slow`)."""
