"""Service versions: the models behind one service, each a production variant of its endpoint; and the records of each change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from chalicelib.domain.failure import Problem
from chalicelib.domain.hosting import Serverless
from chalicelib.domain.times import text_of

MAX_VERSIONS = 100
MAX_LIVE_VERSIONS = 10
"""Source: SageMaker API, CreateEndpointConfig: at most 10 production variants."""
MIN_CANARY_S, DEFAULT_CANARY_S, MAX_CANARY_S = 10, 600, 24 * 3600
CHECKS = 10
FEW = 20
"""Latencies are compared only when both versions have answered so often."""
SLOWER_TIMES, SLOWER_MS = 2.0, 20.0


@dataclass(frozen=True)
class ServiceVersion:
    """`number` counts from 1 within its service; its production variant is `v<number>`."""

    KIND: ClassVar[str] = "SERVICE_VERSION"

    service: str
    number: int
    model: str
    created_at: str
    instance_type: str | None = None
    """None: serverless."""
    instance_count: int = 1
    variant: str = "fp32"
    """Of the model: as it was trained, or optimised."""
    created_by: str = ""
    serverless: Serverless | None = field(default=None, hash=False)

    @property
    def key(self) -> str:
        """`<service>/<number>`."""
        return f"{self.service}/{self.number}"

    @property
    def listing(self) -> tuple[str, str]:
        """A service's versions."""
        return f"SERVICE#{self.service}#VERSIONS", f"{self.number:04d}"

    @property
    def name(self) -> str:
        """Of the endpoint's production variant."""
        return variant_of(self.number)

    @property
    def model_name(self) -> str:
        """In SageMaker."""
        return model_name(self.service, self.number)


@dataclass(frozen=True)
class ServiceUpdate:
    """Who changed what, when, and what came of it (M-6). Those that take time are executions of `update`, which keep `phase` here."""

    KIND: ClassVar[str] = "SERVICE_UPDATE"

    id: str
    service: str
    kind: str
    """`time`, `token`, `version` or `traffic`."""
    by: str
    at: str
    what: dict[str, Any] = field(default_factory=dict)
    outcome: str = "done"
    """Or `in_progress`, `failed`, `rolled_back`."""
    message: str = ""
    ended_at: str | None = None
    error: Problem | None = None
    phase: str = "planned"
    phase_since: str | None = None
    moved: dict[str, str | None] | None = None
    """`phase` and `phase_since` before PlanUpdate moved it last, and when that state was `entered`: its reply may have been lost."""
    wait_token: str | None = None
    config: str | None = None
    """The endpoint configuration that it waits for."""
    old_config: str | None = None
    old_weights: dict[str, float] | None = None
    weights: dict[str, float] | None = None
    """That the endpoint is to have."""
    version: int | None = None

    @property
    def key(self) -> str:
        """The id."""
        return self.id

    @property
    def listing(self) -> tuple[str, str]:
        """A service's updates by time."""
        return updates_of(self.service), self.id

    @property
    def execution_name(self) -> str:
        """It runs once."""
        return f"{self.id}-a1"


@dataclass(frozen=True)
class Traffic:
    """What one variant has answered in a time. `latency_ms`: the mean, of the model alone."""

    invocations: float = 0.0
    errors_5xx: float = 0.0
    errors_4xx: float = 0.0
    latency_ms: float | None = None


@dataclass(frozen=True)
class TrafficPoint:
    """The same of one period. `at`: its begin."""

    at: str
    invocations: float
    errors_4xx: float
    errors_5xx: float
    latency_ms: float | None

    @classmethod
    def of(cls, at: datetime, told: Traffic) -> TrafficPoint:
        """From the period's traffic."""
        return cls(text_of(at), told.invocations, told.errors_4xx, told.errors_5xx, told.latency_ms)


def verdict(new: Traffic, old: Traffic, canary: dict[str, Any]) -> str | None:
    """Why the new version is to be rolled back; None: nothing speaks against it."""
    rate = new.errors_5xx / new.invocations if new.invocations else 0.0
    if rate > canary["max_error_rate"]:
        return f"{rate:.1%} of its {new.invocations:.0f} answers were errors (limit {canary['max_error_rate']:.1%})"
    limit = canary.get("max_latency_ms")
    if limit is None and old.latency_ms is not None and min(new.invocations, old.invocations) >= FEW:
        limit = old.latency_ms * SLOWER_TIMES + SLOWER_MS
    if limit is not None and new.latency_ms is not None and new.latency_ms > limit:
        return f"it took {new.latency_ms:.1f} ms on average (limit {limit:.1f} ms)"
    return None


def variant_of(number: int) -> str:
    """`v3`."""
    return f"v{number}"


def number_of(variant: str) -> int:
    """The reverse."""
    return int(variant.removeprefix("v"))


def model_name(service_id: str, number: int) -> str:
    """In SageMaker: the first version's is the service's id."""
    return service_id if number == 1 else f"{service_id}-v{number}"


def config_name(service_id: str, number: int) -> str:
    """Endpoint configurations are never changed: each change makes the next one."""
    return service_id if number == 0 else f"{service_id}-c{number}"


def updates_of(service_id: str) -> str:
    """The listing."""
    return f"SERVICE#{service_id}#UPDATES"


def versions_of(service_id: str) -> str:
    """The listing."""
    return f"SERVICE#{service_id}#VERSIONS"
