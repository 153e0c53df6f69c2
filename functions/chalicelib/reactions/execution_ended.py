"""EventBridge "Step Functions Execution Status Change" (FAILED, TIMED_OUT, ABORTED): nothing stays in a state that nobody works on."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.interrupted_deletions import go_on_deleting
from chalicelib.service.settling import parse_execution_name, settle_ended_execution


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """`detail.name` is the execution's name, `detail.status` how it ended, `detail.input` what it was given."""
    detail = event["detail"]
    execution = parse_execution_name(detail["name"])
    if execution is not None:
        return {"status": settle_ended_execution(platform(), execution, detail["status"])}
    goes_on = go_on_deleting(platform(), json.loads(detail.get("input") or "{}")) if detail["status"] == "ABORTED" else None
    return {"status": None} | ({"goes_on": goes_on} if goes_on else {})
