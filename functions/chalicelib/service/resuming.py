"""A service outlives its execution: one that was interrupted is taken over by another, with the deadline and all else as they were.

In AWS the endpoint has answered all the time; the twin's comes back by itself after a restart.
"""

from __future__ import annotations

from chalicelib.domain.service import Service
from chalicelib.domain.times import text_of
from chalicelib.ports import Platform
from chalicelib.service.removing import remove_serving
from droplearn.contracts.status import ServiceStatus

_LIVE = [ServiceStatus.CREATED.value, ServiceStatus.STARTING.value, ServiceStatus.RUNNING.value]


def resume_service(platform: Platform, service_id: str, attempt: int) -> Service | None:
    """After the execution of this attempt. None: the service is over, or is to be. May be asked twice."""
    service = platform.services.get(service_id)
    if service is None or service.status not in _LIVE:
        return None
    if service.stops_at is not None and service.stops_at <= text_of(platform.now()):
        platform.services.change(service_id, {"status": ServiceStatus.STOPPING.value, "stop_reason": "deadline"}, {"status": _LIVE})
        return None
    if service.attempt == attempt:
        anew = {"status": ServiceStatus.CREATED.value, "attempt": attempt + 1, "updated_at": text_of(platform.now())}
        nothing_waits = {"execution": None, "start_token": None, "stop_token": None}
        service = platform.services.change(service_id, anew | nothing_waits, {"status": _LIVE, "attempt": [attempt]})
    if service is None or service.attempt != attempt + 1:
        return None
    return service if service.execution else _take_over(platform, service)


def _take_over(platform: Platform, service: Service) -> Service:
    if service.serving == "endpoint":
        state = platform.endpoints.state(service.id)
        if state is None or state.status in ("Failed", "OutOfService"):
            remove_serving(platform, service)  # what a half-done start has left would be in the way
            platform.services.change(service.id, {"weights": {service.best_version: 1.0}, "config": None})
    arn = platform.executions.start("deploy", service.execution_name, {"service_id": service.id})
    return platform.services.change(service.id, {"execution": arn}) or service
