"""Step RemoveEndpoint of `deploy`: whatever was made of endpoint, configuration and model goes."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.services import remove_endpoint


def handle(event: dict[str, Any]) -> None:
    """`{"service_id"}`."""
    remove_endpoint(platform(), event["service_id"])
