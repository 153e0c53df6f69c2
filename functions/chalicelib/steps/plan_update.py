"""Steps PlanUpdate and PlanUpdateAfterError of `update`."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.domain.failure import problem_of_caught
from chalicelib.service.update_plan import plan_update


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """`{"update_id", "entered", "caught"?}` -> `{"next", ...}`. Executions of an earlier release do not say when the state was entered."""
    caught = event.get("caught")
    error = problem_of_caught(caught.get("Error", ""), caught.get("Cause", "")) if caught else None
    reply = plan_update(platform(), event["update_id"], error, event.get("entered", ""))
    return reply | {"start_timeout_s": platform().settings.endpoint_start_s}
