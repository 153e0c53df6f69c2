"""EventBridge "SageMaker Endpoint State Change": a reason to look at the endpoint of a service that is starting."""

from __future__ import annotations

from typing import Any

from chalicelib.bootstrap import platform
from chalicelib.service.services import look_at_endpoint


def handle(event: dict[str, Any]) -> dict[str, Any]:
    """`detail.EndpointName` is the service's id. Late, early and double events do no harm."""
    return {"status": look_at_endpoint(platform(), event["detail"]["EndpointName"])}
