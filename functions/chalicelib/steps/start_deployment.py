"""Step StartDeployment of `learn`: a task with `deploy: true` ends with a running service."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.budgets import note_refusal
from chalicelib.service.services import ServiceOrder, create_service
from droplearn.contracts.errors import UserError


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """`{"task_id", "attempt", "model_id"}` -> `{"service_id"}`. Once per attempt: the request key sees to it.

    A refused one becomes a warning of the task, and the state machine goes on without a service.
    """
    model = platform().models.get(event["model_id"])
    task_id = event["task_id"]
    order = ServiceOrder(
        project=model.project if model else "", model=event["model_id"], request_key=f"a{event['attempt']}", caller=task_id
    )
    try:
        service = create_service(platform(), order).service
    except UserError as error:
        note_refusal(platform(), task_id, error)
        raise
    platform().tasks.change(task_id, {"service": service.id})
    return {"service_id": service.id}
