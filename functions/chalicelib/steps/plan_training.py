"""Step PlanTraining of `learn`: freeze, check, and say what the training job is given."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.training_plan import plan_training


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """`{"task_id", "attempt", "try"}` -> the plan."""
    return plan_training(platform(), event["task_id"], int(event["attempt"]), int(event["try"]))
