"""Step AwaitEndpoint of `deploy`: the state waits for its token; the reaction endpoint_changed answers."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.services import await_endpoint


def handle(event: dict[str, Any]) -> None:
    """`{"service_id", "task_token"}`."""
    await_endpoint(platform(), event["service_id"], event["task_token"])
