"""Step RecordEvaluation of `evaluate`: the report's essentials go to the table."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.evaluation_plan import record_evaluation


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """`{"evaluation_id"}` -> the metrics."""
    return record_evaluation(platform(), event["evaluation_id"])
