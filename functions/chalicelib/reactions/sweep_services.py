"""EventBridge schedule, while there are services: a look at what runs, for what no event has told."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.sweeping import sweep_services


def handle() -> dict[str, Any]:
    """What was done, one line each."""
    return {"done": sweep_services(platform())}
