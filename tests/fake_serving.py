"""In-memory fakes of the ports around endpoints: their state, their scaling, what is counted of them, and the sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.domain.hosting import ScalingRange
from chalicelib.domain.service_version import Traffic, TrafficPoint
from chalicelib.ports import Answer, EndpointState
from droplearn.contracts.errors import CapacityUnavailable


class FakeEndpoints:
    """Ports Endpoints and Invoker."""

    def __init__(self) -> None:
        self.known: dict[str, EndpointState] = {}
        self.answer = Answer(200, b'{"success": true}', "application/json")
        self.asked: list[tuple[str, bytes, str]] = []
        self.targets: list[str | None] = []
        self.removed: list[Any] = []

    def state(self, service_id: str) -> EndpointState | None:
        return self.known.get(service_id)

    def names(self) -> list[str]:
        return list(self.known)

    def remove(self, service_id: str, configs: Sequence[str], models: Sequence[str]) -> None:
        self.known.pop(service_id, None)
        self.removed = [service_id, configs, models]

    def invoke(self, service_id: str, body: bytes, content_type: str, options: str = "", variant: str | None = None) -> Answer:
        if service_id not in self.known or variant not in (None, *self.known[service_id].instances):
            raise CapacityUnavailable("service.not_running", "No such endpoint, or variant.")
        self.asked.append((service_id, body, content_type))
        self.targets.append(variant)
        return self.answer


class FakeAutoscaling:
    """Port Autoscaling."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], ScalingRange] = {}

    def set(self, service_id: str, variant: str, wanted: ScalingRange) -> None:
        self.known[service_id, variant] = wanted

    def remove(self, service_id: str, variants: Sequence[str]) -> None:
        for variant in variants:
            self.known.pop((service_id, variant), None)


class FakeServiceMetrics:
    """Port ServiceMetrics. `used_at`: when somebody asked the endpoint directly."""

    def __init__(self) -> None:
        self.used_at: datetime | None = None
        self.counted: dict[str, Traffic] = {}
        self.points: dict[str, list[TrafficPoint]] = {}
        self.asked: list[list[str]] = []

    def last_use(self, service_id: str, variants: Sequence[str], since: datetime, until: datetime) -> datetime | None:
        return self.used_at if self.used_at is not None and since <= self.used_at <= until else None

    def traffic(self, service_id: str, variants: Sequence[str], since: datetime, until: datetime) -> dict[str, Traffic]:
        return {variant: self.counted.get(variant, Traffic()) for variant in variants}

    def answering_s(self, services: Mapping[str, Sequence[str]], since: datetime, until: datetime) -> dict[str, float]:
        self.asked.append(sorted(services))
        return {
            service: sum(told.invocations * (told.latency_ms or 0.0) / 1000 for told in self.traffic(service, names, since, until).values())
            for service, names in services.items()
        }

    shared_traffic = traffic

    def series(
        self, service_id: str, variants: Sequence[str], since: datetime, until: datetime, period_s: int
    ) -> dict[str, list[TrafficPoint]]:
        return {variant: self.points.get(variant, []) for variant in variants}

    shared_series = series


class FakeSweepSchedule:
    """Port SweepSchedule; on, as after a deployment."""

    def __init__(self) -> None:
        self.is_on = True

    def start(self) -> None:
        self.is_on = True

    def stop(self) -> None:
        self.is_on = False
