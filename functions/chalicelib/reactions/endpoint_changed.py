"""EventBridge "SageMaker Endpoint State Change": a reason to look at the endpoint of a service that is starting or changing."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.services import look_at_endpoint
from chalicelib.service.update_waiting import look_at_update


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """`detail.EndpointName` is the service's id. Late, early and double events do no harm."""
    look_at_update(platform(), event["detail"]["EndpointName"])
    return {"status": look_at_endpoint(platform(), event["detail"]["EndpointName"])}
