"""SageMaker's endpoints: their state, what is counted of them, the way to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # a cold start of predict loads none of these
    from chalicelib.domain.hosting import ScalingRange
    from chalicelib.domain.service_version import Traffic, TrafficPoint


@dataclass(frozen=True)
class EndpointState:
    """`status`: Creating, InService, Failed, Deleting, ... `config`: its configuration, `weights` and `instances`: of its variants."""

    status: str
    failure_reason: str = ""
    config: str = ""
    weights: dict[str, float] = field(default_factory=dict)
    instances: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """An endpoint's answer, or its container's error."""

    http_status: int
    body: bytes
    content_type: str
    attributes: str = ""
    """What the container says beside the body: `version=v2`."""


class Endpoints(Protocol):
    """SageMaker endpoints, named as their services."""

    def state(self, service_id: str) -> EndpointState | None:
        """None: there is no such endpoint."""

    def names(self) -> list[str]:
        """Of all endpoints that are named as services are."""

    def remove(self, service_id: str, configs: Sequence[str], models: Sequence[str]) -> None:
        """The endpoint, these configurations and these models; what is not there is fine. Raises TransientError while it cannot be
        removed yet.
        """


class ServiceMetrics(Protocol):
    """What the platform counts of an endpoint's invocations, some minutes late."""

    def last_use(self, service_id: str, variants: Sequence[str], since: datetime, until: datetime) -> datetime | None:
        """None: nobody asked."""

    def traffic(self, service_id: str, variants: Sequence[str], since: datetime, until: datetime) -> dict[str, Traffic]:
        """All in all, for each of the variants."""

    def answering_s(self, services: Mapping[str, Sequence[str]], since: datetime, until: datetime) -> dict[str, float]:
        """Seconds that the answers of each service's variants took, in whole hours: also of what is months ago."""

    def shared_traffic(self, service_id: str, versions: Sequence[str], since: datetime, until: datetime) -> dict[str, Traffic]:
        """The same for versions that share a server, as the servers count it."""

    def series(
        self, service_id: str, variants: Sequence[str], since: datetime, until: datetime, period_s: int
    ) -> dict[str, list[TrafficPoint]]:
        """Periods with an invocation, oldest first."""

    def shared_series(
        self, service_id: str, versions: Sequence[str], since: datetime, until: datetime, period_s: int
    ) -> dict[str, list[TrafficPoint]]:
        """The same for versions that share a server, as the servers count it. Raises InvalidRequest (`service.metrics_too_long`)."""


class Invoker(Protocol):
    """The way to a running endpoint."""

    def invoke(self, service_id: str, body: bytes, content_type: str, options: str = "", variant: str | None = None) -> Answer:
        """`options`: a query, `top=3&pos=pixels`, of visible ASCII. `variant`: the production variant that is to answer, else one by
        weight. Raises CapacityUnavailable (`service.not_running`), also when there is no such variant.
        """


class Autoscaling(Protocol):
    """How many instances a production variant of an endpoint has, by what it is asked."""

    def set(self, service_id: str, variant: str, wanted: ScalingRange) -> None:
        """Over what was set before."""

    def remove(self, service_id: str, variants: Sequence[str]) -> None:
        """They keep the instances that they have. What is not scaled is fine."""
