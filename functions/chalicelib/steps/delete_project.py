"""Step DeleteProject of `delete`: all that is kept of a project whose deletion was asked for."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.deleting_projects import delete_project

RESERVE_MS = 60_000
"""Two thousand examples take some seconds, half a minute where the table is slow."""


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"project"}` -> `{"is_done"}`. Not done: it is asked again."""
    remaining_ms = getattr(context, "get_remaining_time_in_millis", lambda: 10 * RESERVE_MS)
    return {"is_done": delete_project(platform(), event["project"], lambda: remaining_ms() > RESERVE_MS)}
