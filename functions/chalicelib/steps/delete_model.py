"""Step DeleteModel of `delete`: all that is kept of a model whose deletion was asked for."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.deleting_models import delete_model

RESERVE_MS = 30_000
"""A page of a list, or a thousand objects, takes some seconds at most."""


def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`{"model_id"}` -> `{"is_done"}`. Not done: it is asked again."""
    remaining_ms = getattr(context, "get_remaining_time_in_millis", lambda: 10 * RESERVE_MS)
    return {"is_done": delete_model(platform(), event["model_id"], lambda: remaining_ms() > RESERVE_MS)}
