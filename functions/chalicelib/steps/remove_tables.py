"""Step RemoveTables of `deploy`: the service answers no more; what is left of its rows expires."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.loading_tables import remove_tables


def handle(event: dict[str, Any]) -> None:
    """`{"service_id"}`."""
    remove_tables(platform(), event["service_id"])
