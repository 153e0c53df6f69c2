"""Step PlanDeployment of `deploy`."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.services import plan_deployment


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """`{"service_id"}` -> the plan."""
    return plan_deployment(platform(), event["service_id"]) | {"start_timeout_s": platform().settings.endpoint_start_s}
