"""Step RecordOptimisation of `learn`: the model's variants, or why there are none."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.domain.failure import problem_of_caught
from chalicelib.service.optimisation import record_failed_optimisation, record_optimisation


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """The whole state, with or without `not_optimised` -> `{"published": names}`."""
    model_id, caught = event["settled"]["reply"]["model_id"], event.get("not_optimised")
    if caught is not None:
        return record_failed_optimisation(platform(), model_id, problem_of_caught(caught.get("Error", ""), caught.get("Cause", "")))
    return record_optimisation(platform(), event["task_id"], int(event["attempt"]), model_id)
