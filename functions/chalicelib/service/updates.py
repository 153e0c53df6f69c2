"""Records of what was done to a service at once (M-6). What takes time: versions.py."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.service_version import ServiceUpdate
from chalicelib.domain.times import text_of
from chalicelib.ports import Platform
from chalicelib.service.service_events import note_update_event
from droplearn.contracts.ids import new_id


def note_update(platform: Platform, service_id: str, kind: str, by: str, what: dict[str, Any]) -> ServiceUpdate:
    """Done already."""
    now = text_of(platform.now())
    update = ServiceUpdate(id=new_id("update"), service=service_id, kind=kind, by=by, at=now, what=what, ended_at=now)
    platform.service_updates.add(update)
    note_update_event(platform, update)
    return update
