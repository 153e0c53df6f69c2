"""What callers see of trials."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from chalicelib.api.views import View


class QuotaView(View):
    """What is left."""

    limit: int = Field(description="In 24 hours; the first trial begins them")
    used: int
    remaining: int
    resets_at: str | None
    resets_in_s: int = Field(description="The countdown; 0: nothing was used")


class TrialCallView(View):
    """One trial."""

    id: str
    created_at: str
    variant: str = Field(description="Of the model: `fp32` as trained, `int8`, `fp16`")
    input_name: str | None
    input_sha256: str
    input_bytes: int
    input_url: str | None = Field(description="For some minutes; absent (null) where the input is not kept any more")
    content_type: str
    http_status: int
    is_counted: bool = Field(description="What failed through us is not")
    answer: dict[str, Any] | None = Field(description="Absent (null) where it was too large to be kept")
    load_s: float = Field(description="To fetch, verify and load the model; next to nothing while it stays loaded")
    answer_s: float


class TrialView(View):
    """A model's trials, newest first."""

    model: str
    trial: QuotaView
    calls: list[TrialCallView]
    next_cursor: str | None = None
