"""Step PlanServing of `deploy`: stands before each wait of a running service."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.serving_time import plan_serving


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """The execution's state -> `{"next", ...}`; `serving.reply` is the answer of the round before."""
    before = event.get("serving", {}).get("reply", {})
    return plan_serving(platform(), event["service_id"], int(event["planned"]["reply"]["expires_at"]), int(before.get("rounds", 0)))
