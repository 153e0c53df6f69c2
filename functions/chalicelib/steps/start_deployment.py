"""Step StartDeployment of `learn`: a task with `deploy: true` ends with a running service."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.services import ServiceOrder, create_service


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """`{"task_id", "attempt", "model_id"}` -> `{"service_id"}`. Once per attempt: the request key sees to it."""
    model = platform().models.get(event["model_id"])
    task_id = event["task_id"]
    order = ServiceOrder(
        project=model.project if model else "", model=event["model_id"], request_key=f"a{event['attempt']}", caller=task_id
    )
    service = create_service(platform(), order).service
    platform().tasks.change(task_id, {"service": service.id})
    return {"service_id": service.id}
