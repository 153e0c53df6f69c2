"""EventBridge "Step Functions Execution Status Change" (FAILED, TIMED_OUT, ABORTED): nothing stays in a state that nobody works on."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.settling import parse_execution_name, settle_ended_execution


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """`detail.name` is the execution's name, `detail.status` how it ended."""
    execution = parse_execution_name(event["detail"]["name"])
    if execution is None:
        return {"status": None}
    return {"status": settle_ended_execution(platform(), execution, event["detail"]["status"])}
