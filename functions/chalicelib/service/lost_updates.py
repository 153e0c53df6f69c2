"""An update whose execution is gone: the service shows what answers, whichever way that is."""

from __future__ import annotations

from chalicelib.domain.failure import Problem
from chalicelib.domain.service import Service
from chalicelib.domain.service_version import ServiceUpdate
from chalicelib.ports import EndpointState, Platform
from chalicelib.service.finding import find_service
from chalicelib.service.update_plan import finish_update, free_service


def end_lost_update(platform: Platform, update_id: str, error: Problem) -> str | None:
    """Its outcome; None: it had one."""
    update = platform.service_updates.get(update_id)
    if update is None:
        return None
    if update.outcome != "in_progress":
        free_service(platform, update)
        return None
    service = find_service(platform, update.service)
    if service.serving == "tables":
        return _end_of_tables(platform, update, error)
    state = platform.endpoints.state(service.id)
    if state is not None and state.weights:
        platform.services.change(service.id, {"weights": _weights_now(service, update, state), "config": state.config})
    return _fail(platform, update, error)


def _end_of_tables(platform: Platform, update: ServiceUpdate, error: Problem) -> str:
    """The service is freed first: from then on what may be left of the execution cannot switch it."""
    freed = platform.services.change(update.service, {"updating": None}, only_if={"updating": [update.id]})
    service = freed or find_service(platform, update.service)
    if service.weights != update.weights:
        return _fail(platform, update, error)
    finish_update(platform, update, "done")
    return "done"


def _fail(platform: Platform, update: ServiceUpdate, error: Problem) -> str:
    platform.service_updates.change(update.id, {"error": error})
    finish_update(platform, update, "failed", error["message"])
    return "failed"


def _weights_now(service: Service, update: ServiceUpdate, state: EndpointState) -> dict[str, float]:
    """The endpoint tells only which configuration it has; of a shared one the update knows the weights."""
    if not service.is_shared:
        return state.weights
    return (update.weights if state.config == update.config else update.old_weights) or service.weights
