"""What no event has told of: endpoints without a service that lives, and services whose endpoint or execution is gone."""

from __future__ import annotations

import logging
from datetime import timedelta

from chalicelib.domain.failure import problem
from chalicelib.domain.service import LiveService, Service
from chalicelib.domain.times import text_of
from chalicelib.ports import Platform
from chalicelib.service.attempts import FAILED, end
from chalicelib.service.finding import listed
from chalicelib.service.removing import remove_serving
from chalicelib.service.service_events import note_end
from chalicelib.service.settling import RUNNING_SERVICES, Execution, settle_ended_execution
from chalicelib.service.sweep_times import rest_when_nothing_lives
from droplearn.contracts.errors import TransientError
from droplearn.contracts.status import ServiceStatus

logger = logging.getLogger("droplearn.sweep")
LEFT_ALONE_S = 600
"""What was made or changed so recently is somebody's work in progress."""


def sweep_services(platform: Platform) -> list[str]:
    """Says what it did. Endpoints of services that are not in our table are somebody else's, and stay."""
    endpoints = set(platform.endpoints.names())
    done = [told for name in sorted(endpoints) if (told := _sweep_endpoint(platform, name))]
    live_services = list(listed(platform.live_services, LiveService.LISTED_IN))  # before any of them is removed
    done += [told for live in live_services if (told := _sweep_service(platform, live, live.id in endpoints))]
    for told in done:
        logger.warning("%s", told)
    rest_when_nothing_lives(platform)
    return done


def _sweep_endpoint(platform: Platform, name: str) -> str | None:
    service = platform.services.get(name)
    if service is None or not service.state.is_terminal:
        return None
    try:
        remove_serving(platform, service)
    except TransientError as error:
        return f"{name}: the endpoint of a service that is over cannot be removed yet: {error}"
    return f"{name}: the endpoint of a service that is over was removed"


def _sweep_service(platform: Platform, live: LiveService, has_endpoint: bool) -> str | None:
    service = platform.services.get(live.id)
    long_ago = text_of(platform.now() - timedelta(seconds=LEFT_ALONE_S))
    if service is None or service.state.is_terminal:
        if not has_endpoint and live.created_at < long_ago:
            platform.live_services.remove(live.id)
        return None
    if service.updated_at > long_ago:
        return None
    if service.execution is None or not platform.executions.is_running(service.execution):
        status = settle_ended_execution(platform, Execution("service", service.id, _dead_attempt(service)), "ABORTED")
        return f"{service.id}: nothing worked on it; it is {status} now"
    if service.state is ServiceStatus.RUNNING and service.serving == "endpoint" and not has_endpoint:
        return _fail_without_endpoint(platform, service)
    return None


def _dead_attempt(service: Service) -> int:
    """Without an execution, the one before has ended and this one has never begun."""
    is_to_begin = service.execution is None and service.state is ServiceStatus.CREATED
    return service.attempt - 1 if is_to_begin else service.attempt


def _fail_without_endpoint(platform: Platform, service: Service) -> str | None:
    if platform.endpoints.state(service.id) is not None:
        return None
    error = problem("service.endpoint_gone", "The service's endpoint was deleted.", "Deploy the model again.")
    failed = end(platform, platform.services, service, FAILED, RUNNING_SERVICES, error)
    if failed is None:
        return None
    note_end(platform, failed)
    if service.stop_token:
        platform.executions.succeed(service.stop_token, {"reason": "endpoint_gone"})
    return f"{service.id}: its endpoint was gone"
