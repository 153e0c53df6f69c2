"""Step SetAutoscaling of `deploy`: the endpoint is in service, and from now on as large as it must be."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.autoscaling import set_autoscaling


def handle(event: dict[str, Any]) -> None:
    """`{"service_id"}`."""
    set_autoscaling(platform(), event["service_id"])
