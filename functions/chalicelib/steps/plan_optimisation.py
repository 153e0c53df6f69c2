"""Step PlanOptimisation of `learn`: which examples, which files."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.optimisation import plan_optimisation


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """`{"task_id", "attempt", "model_id"}` -> the plan."""
    return plan_optimisation(platform(), event["task_id"], int(event["attempt"]), event["model_id"])
