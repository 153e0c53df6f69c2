"""Trials: some free predictions a day and model, without an endpoint (Y-2). A window opens with its first call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from chalicelib.domain.records import ById
from chalicelib.domain.times import moment_of

WINDOW_S = 24 * 3600
KEPT_S = 30 * 24 * 3600
"""How long a call stands in the history."""
MAX_KEPT_INPUTS, MAX_KEPT_INPUT_BYTES = 20, 1024 * 1024
"""Of one model: a ring, so that the twenty-first takes the place of the first."""
MAX_KEPT_ANSWER_BYTES = 100_000
"""An item holds 400 kB. Source: Amazon DynamoDB, "Service quotas"."""


@dataclass(frozen=True)
class Trial(ById):
    """The count of the model that `id` names. `used`: in the window that began at `window_started_at`; `total`: ever."""

    KIND: ClassVar[str] = "TRIAL"

    id: str
    """The model's."""
    project: str
    window_started_at: str
    used: int
    total: int
    updated_at: str | None = None

    @property
    def listing(self) -> None:
        """Never listed."""
        return None

    def resets_at(self) -> datetime:
        """When the count begins anew."""
        return moment_of(self.window_started_at) + timedelta(seconds=WINDOW_S)


@dataclass(frozen=True)
class Quota:
    """What is left, and when it is renewed (None: nothing was used)."""

    limit: int
    used: int
    resets_at: str | None
    resets_in_s: int

    @property
    def remaining(self) -> int:
        """Never below 0, also when the limit was lowered."""
        return max(0, self.limit - self.used)


@dataclass(frozen=True)
class TrialCall(ById):
    """One call. `number`: of all calls about the model; its input stands in the ring until twenty more have come."""

    KIND: ClassVar[str] = "TRIALCALL"

    id: str
    project: str
    model: str
    number: int
    created_at: str
    input_sha256: str
    input_bytes: int
    content_type: str
    http_status: int
    is_counted: bool
    is_input_kept: bool
    load_s: float
    answer_s: float
    expires_at: int
    input_name: str | None = None
    variant: str = "fp32"
    """Of the model: as trained, or what optimisation made of it."""
    answer: dict[str, Any] | None = None
    """None: too large to be kept."""
    updated_at: str | None = None

    @property
    def listing(self) -> tuple[str, str]:
        """A model's calls in their order."""
        return trial_calls_of(self.model), f"{self.number:08d}"


def trial_calls_of(model: str) -> str:
    """The listing."""
    return f"MODEL#{model}#TRIALCALLS"
