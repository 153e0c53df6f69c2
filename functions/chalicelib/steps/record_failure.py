"""Step RecordFailure of all four state machines: what was caught, in words for a person."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.domain.failure import problem_of_caught
from chalicelib.service.settling import parse_execution_name, record_failure


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """`{"execution": <name>, "caught": {"Error", "Cause"}}` -> `{"status"}`."""
    caught = event["caught"]
    execution = parse_execution_name(event["execution"])
    if execution is None:
        return {"status": None}
    return {"status": record_failure(platform(), execution, problem_of_caught(caught.get("Error", ""), caught.get("Cause", "")))}
