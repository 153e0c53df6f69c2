"""What callers see of a service's versions, updates and tokens."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from chalicelib.api.views import ErrorView, View


class ServiceVersionView(View):
    """A model of a service."""

    service: str
    number: int
    name: str = Field(description="Of the endpoint's production variant: v1, v2, ...")
    model: str
    share: float = Field(description="Of the traffic, at present; 0: it does not answer")
    instance_type: str
    instance_count: int
    variant: str = Field(description="Of the model: as it was trained (fp32), or optimised")
    created_at: str
    created_by: str


class ServiceVersionPage(View):
    """Versions, newest first."""

    versions: list[ServiceVersionView]
    next_cursor: str | None = None


class ServiceUpdateView(View):
    """A change of a service."""

    id: str
    service: str
    kind: Literal["time", "token", "version", "traffic"]
    by: str = Field(description="Id of the token that asked")
    at: str
    what: dict[str, Any]
    outcome: Literal["in_progress", "done", "failed", "rolled_back"]
    phase: str = Field(description="planned, applied, canary, promoted, drained, rolled_back")
    message: str
    ended_at: str | None
    error: ErrorView | None


class ServiceUpdatePage(View):
    """Updates, newest first."""

    updates: list[ServiceUpdateView]
    next_cursor: str | None = None


class RotatedTokenView(View):
    """The new token, which is shown this once."""

    service: str
    token: str
    old_valid_until: str
