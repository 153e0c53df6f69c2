"""Step Summarise of `batch`: every result becomes rows of one table."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.batch_summary import summarise

RESERVE_MS = 240_000
"""One part, or the joining of all, takes some minutes at most."""


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"batch_id", "attempt", "cursor"}` -> `{"is_done", "cursor", "file_count"}`."""
    remaining_ms = getattr(context, "get_remaining_time_in_millis", lambda: 10 * RESERVE_MS)
    done = summarise(platform(), event["batch_id"], int(event["attempt"]), event.get("cursor"), lambda: remaining_ms() > RESERVE_MS)
    return {"is_done": done.cursor is None, "cursor": done.cursor, "file_count": done.file_count}
