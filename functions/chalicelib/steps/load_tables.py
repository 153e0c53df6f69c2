"""Step LoadTables of `deploy` and `update`: for scenarios that are served from tables."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.loading_tables import load_tables

RESERVE_MS = 120_000
"""A chunk that the database throttles takes up to half a minute."""


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"service_id", "version"?, "expires_at", "cursor"}` -> `{"is_done", "cursor", "row_count"}`. Without a version: the first."""
    remaining_ms = getattr(context, "get_remaining_time_in_millis", lambda: 10 * RESERVE_MS)

    def has_time() -> bool:
        return bool(remaining_ms() > RESERVE_MS)

    number = int(event.get("version", 1))
    loaded = load_tables(platform(), event["service_id"], int(event["expires_at"]), event.get("cursor"), has_time, number)
    return {"is_done": loaded.cursor is None, "cursor": loaded.cursor, "row_count": loaded.row_count}
