"""What a service costs now, and has cost so far."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.prices import Prices, instance_hours, instances_of
from chalicelib.domain.service import Service
from chalicelib.domain.times import moment_of
from chalicelib.ports import Platform

AT_LEAST = "At least: its hours are counted with the least instances of its range."
BY_USE = "By use: the time that its answers took, without starts of containers and what was processed."


def cost_of(platform: Platform, service: Service, prices: Prices) -> dict[str, Any]:
    """Null is what the price table does not know, or what has no price by the hour."""
    told = {"service": service.id, "prices_as_of": prices.as_of, "prices_source": prices.source}
    if service.serverless is None:
        return told | _by_hours(platform, service, prices)
    return told | _by_use(platform, service, prices, service.serverless["memory_mb"])


def _by_hours(platform: Platform, service: Service, prices: Prices) -> dict[str, Any]:
    instances = _instances_now(platform, service)
    hours = instance_hours(service, platform.now())
    left_s = service.max_runtime_s if service.running_since is None else None
    return {
        "instances": instances,
        "usd_per_hour": prices.per_hour(instances),
        "instance_hours": hours,
        "usd_so_far": prices.per_hour(hours),
        "usd_estimated": prices.per_hour({n: count * left_s / 3600 for n, count in instances.items()}) if left_s is not None else None,
        "note": AT_LEAST if service.autoscaling else "",
    }


def _instances_now(platform: Platform, service: Service) -> dict[str, float]:
    if service.state.is_terminal:
        return {}
    state = platform.endpoints.state(service.id) if service.autoscaling else None
    if state is None or not state.instances or len(service.instances or {}) > 1 or service.instance_type is None:
        return instances_of(service)
    return {service.instance_type: sum(state.instances.values())}


def _by_use(platform: Platform, service: Service, prices: Prices, memory_mb: int) -> dict[str, Any]:
    per_second = prices.per_second(memory_mb)
    seconds = _answering_s(platform, service)
    return {
        "instances": {},
        "usd_per_hour": None,
        "instance_hours": {},
        "usd_so_far": None if per_second is None else round(per_second * seconds, 6),
        "usd_estimated": None,
        "note": BY_USE,
    }


def _answering_s(platform: Platform, service: Service) -> float:
    if service.running_since is None:
        return 0.0
    until = moment_of(service.ended_at) if service.ended_at else platform.now()
    asked = {service.id: service.all_variants}
    return platform.service_metrics.answering_s(asked, moment_of(service.running_since), until)[service.id]
