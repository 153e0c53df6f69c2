"""Step SettleTransform of `batch`: what came of a transform job, and what comes next."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.domain.capacity import CapacityPolicy
from chalicelib.service.batch_transform import Transformed, settle_transform


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """The whole state, with or without `caught` -> `{"outcome": "next" | "capacity" | "finished" | "over", ...}`."""
    work, caught, settings = event["work"], event.get("caught") or {}, platform().settings
    ended = Transformed(
        batch_id=event["batch_id"],
        attempt=int(event["attempt"]),
        chunk=int(work["chunk"]),
        try_number=int(work["try"]),
        job=work["job"],
        ends_at=int(work["ends_at"]),
        error=caught.get("Error", ""),
        cause=caught.get("Cause", ""),
    )
    policy = CapacityPolicy(settings.capacity_first_wait_s, settings.capacity_longest_wait_s, settings.capacity_give_up_s)
    return settle_transform(platform(), ended, policy)
