"""Step PlanBatch of `batch`: which objects, cut into transform jobs."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.batch_plan import plan_batch


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """`{"batch_id", "attempt"}` -> the plan."""
    return plan_batch(platform(), event["batch_id"], int(event["attempt"]))
