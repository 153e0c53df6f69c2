"""All that was made at AWS for a service that is served by an endpoint, taken away again."""

from __future__ import annotations

from chalicelib.domain.service import Service
from chalicelib.domain.service_version import config_name, model_name
from chalicelib.ports import Platform


def remove_serving(platform: Platform, service: Service) -> None:
    """Whatever is not there is fine. Raises TransientError while it cannot be removed yet."""
    if service.autoscaling:
        platform.autoscaling.remove(service.id, service.all_variants)
    configs = [config_name(service.id, number) for number in range(service.config_count + 1)]
    models = [model_name(service.id, number) for number in range(1, service.version_count + 1)]
    platform.endpoints.remove(service.id, configs, configs if service.is_shared else models)  # a shared one has a model a configuration
