"""Lifecycle events of services: what happened when, and who asked for it. Each happens once, and is kept once however often it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

EventKind = Literal[
    "created",
    "in_service",
    "resumed",
    "version_published",
    "traffic_changed",
    "rolled_back",
    "update_failed",
    "time_changed",
    "token_rotated",
    "stop_requested",
    "deadline_reached",
    "idle_ended",
    "stopped",
    "failed",
]
ENDINGS: dict[str, EventKind] = {"deadline": "deadline_reached", "idle": "idle_ended", "requested": "stop_requested"}
"""By the service's stop reason."""


@dataclass(frozen=True)
class ServiceEvent:
    """`name` is unique within the service and the same each time that the event is told."""

    KIND: ClassVar[str] = "SERVICE_EVENT"

    service: str
    name: str
    kind: str
    at: str
    by: str | None = None
    """Id of the token that asked, or of the task that deployed; None: droplearn itself."""
    what: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """`<service>/<name>`."""
        return f"{self.service}/{self.name}"

    @property
    def listing(self) -> tuple[str, str]:
        """A service's events by time."""
        return events_of(self.service), f"{self.at}#{self.name}"


def events_of(service_id: str) -> str:
    """The listing."""
    return f"SERVICE#{service_id}#EVENTS"
