"""Step AwaitUpdate of `update`: the state waits for its token; the reaction endpoint_changed answers."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.update_waiting import await_update


def handle(event: dict[str, Any]) -> None:
    """`{"update_id", "task_token"}`."""
    await_update(platform(), event["update_id"], event["task_token"])
