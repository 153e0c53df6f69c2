"""Keeps a service's lifecycle events (M-6). Told twice is kept once: the first telling counts."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.service import Service
from chalicelib.domain.service_event import ENDINGS, EventKind, ServiceEvent
from chalicelib.domain.service_version import ServiceUpdate
from chalicelib.ports import Platform
from droplearn.contracts.status import ServiceStatus

_OF_UPDATES: dict[tuple[str, str], EventKind] = {
    ("time", "done"): "time_changed",
    ("token", "done"): "token_rotated",
    ("version", "done"): "version_published",
    ("traffic", "done"): "traffic_changed",
}


def note_event(
    platform: Platform, service_id: str, kind: EventKind, at: str, by: str | None = None, what: dict[str, Any] | None = None
) -> None:
    """Of what happens once in a service's life."""
    platform.service_events.add(ServiceEvent(service_id, kind, kind, at, by or None, what or {}))


def note_update_event(platform: Platform, update: ServiceUpdate) -> None:
    """Of a change that is over, one way or another."""
    kind = "rolled_back" if update.outcome == "rolled_back" else _OF_UPDATES.get((update.kind, update.outcome), "update_failed")
    what = update.what | {"update": update.id} | ({"message": update.message} if update.message else {})
    platform.service_events.add(ServiceEvent(update.service, update.id, kind, update.ended_at or update.at, update.by or None, what))


def note_ending(platform: Platform, service: Service, by: str | None = None) -> None:
    """Why it is STOPPING. Told where that is marked, or by the step that removes what serves."""
    if service.state is ServiceStatus.STOPPING and service.stop_reason in ENDINGS:
        note_event(platform, service.id, ENDINGS[service.stop_reason], service.updated_at, by)


def note_end(platform: Platform, service: Service) -> None:
    """STOPPED or FAILED, outside of the state machine's own way."""
    if service.state is ServiceStatus.FAILED:
        what = {"code": service.error["code"], "message": service.error["message"]} if service.error else {}
        note_event(platform, service.id, "failed", service.ended_at or service.updated_at, what=what)
    elif service.state is ServiceStatus.STOPPED:
        note_event(platform, service.id, "stopped", service.ended_at or service.updated_at)
