"""The state AwaitUpdate of `update` waits for the endpoint: what it is told, and when."""

from __future__ import annotations

from chalicelib.ports import Platform


def await_update(platform: Platform, update_id: str, task_token: str) -> None:
    """Keeps the token, then looks once."""
    update = platform.service_updates.change(update_id, {"wait_token": task_token}, only_if={"outcome": ["in_progress"]})
    if update is None:
        platform.executions.fail(task_token, "UpdateFailed", "The update is over.")
    else:
        look_at_update(platform, update.service)


def look_at_update(platform: Platform, service_id: str) -> None:
    """Tells the waiting state what became of the endpoint; an event is only a reason to look."""
    service = platform.services.get(service_id)
    update = platform.service_updates.get(service.updating) if service is not None and service.updating else None
    if update is None or not update.wait_token:
        return
    state = platform.endpoints.state(service_id)
    if state is None or state.status in ("Failed", "OutOfService", "Deleting"):
        platform.executions.fail(update.wait_token, "UpdateFailed", state.failure_reason if state else "The endpoint is gone.")
    elif state.status == "InService" and state.config != update.config:
        platform.executions.fail(update.wait_token, "UpdateFailed", state.failure_reason or "The endpoint kept its old configuration.")
    elif state.status == "InService":
        platform.executions.succeed(update.wait_token, {"status": state.status})
