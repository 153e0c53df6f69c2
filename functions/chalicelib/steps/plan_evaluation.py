"""Step PlanEvaluation of `evaluate`: which examples, which files."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.evaluation_plan import plan_evaluation


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """`{"evaluation_id"}` -> the plan."""
    return plan_evaluation(platform(), event["evaluation_id"])
