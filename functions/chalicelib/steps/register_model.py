"""Step RegisterModel of `learn`: settles whatever came of the training."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.domain.capacity import CapacityPolicy
from chalicelib.service.registration import Ended, settle_training


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """The whole state, with or without `caught` -> `{"outcome": "model" | "capacity" | "over", ...}`."""
    plan, caught, settings = event["planned"]["reply"], event.get("caught") or {}, platform().settings
    ended = Ended(
        task_id=event["task_id"],
        attempt=int(event["attempt"]),
        try_number=int(plan["try"]),
        job=plan["job"],
        evaluation_id=plan["evaluation_id"],
        error=caught.get("Error", ""),
        cause=caught.get("Cause", ""),
    )
    policy = CapacityPolicy(settings.capacity_first_wait_s, settings.capacity_longest_wait_s, settings.capacity_give_up_s)
    return settle_training(platform(), ended, policy)
