"""The range of an autoscaled service's instances: set when its endpoint is in service, taken away while that is changed.

Source: Amazon SageMaker developer guide, "Update endpoints that use auto scaling": an update of a variant that is scaled may be refused.
"""

from __future__ import annotations

from chalicelib.domain.service import Service
from chalicelib.ports import Platform
from chalicelib.service.finding import find_service
from droplearn.contracts.status import ServiceStatus


def set_autoscaling(platform: Platform, service_id: str) -> None:
    """Of all versions that answer. Twice is as good as once."""
    service = find_service(platform, service_id)
    if service.autoscaling and service.state in (ServiceStatus.STARTING, ServiceStatus.RUNNING):
        for variant in service.variants:
            platform.autoscaling.set(service_id, variant, service.autoscaling)


def suspend_autoscaling(platform: Platform, service: Service) -> None:
    """Before its endpoint is changed: of the versions that answer, since no others are scaled."""
    if service.autoscaling:
        platform.autoscaling.remove(service.id, service.variants)
