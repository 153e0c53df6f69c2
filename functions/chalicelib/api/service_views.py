"""What callers see of a service's versions, updates and tokens."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from chalicelib.api.views import ErrorView, View


class ServiceVersionView(View):
    """A model of a service."""

    service: str
    number: int
    name: str = Field(description="Of the endpoint's production variant: v1, v2, ...")
    model: str
    share: float = Field(description="Of the traffic, at present; 0: it does not answer")
    instance_type: str
    instance_count: int
    variant: str = Field(description="Of the model: as it was trained (fp32), or optimised")
    created_at: str
    created_by: str


class ServiceVersionPage(View):
    """Versions, newest first."""

    versions: list[ServiceVersionView]
    next_cursor: str | None = None


class ServiceUpdateView(View):
    """A change of a service."""

    id: str
    service: str
    kind: Literal["time", "token", "version", "traffic"]
    by: str = Field(description="Id of the token that asked")
    at: str
    what: dict[str, Any]
    outcome: Literal["in_progress", "done", "failed", "rolled_back"]
    phase: str = Field(description="planned, applied, canary, promoted, drained, rolled_back")
    message: str
    ended_at: str | None
    error: ErrorView | None


class ServiceUpdatePage(View):
    """Updates, newest first."""

    updates: list[ServiceUpdateView]
    next_cursor: str | None = None


class RotatedTokenView(View):
    """The new token, which is shown this once."""

    service: str
    token: str
    old_valid_until: str


class PricesView(View):
    """USD per instance and hour."""

    as_of: str
    region: str
    source: str
    usd_per_hour: dict[str, float]


class CostView(View):
    """Instances only: requests, storage and traffic are small beside them, and not counted."""

    service: str
    instances: dict[str, float] = Field(description="By type, at present; none when it is over, or a service of tables")
    usd_per_hour: float | None = Field(description="At present")
    instance_hours: dict[str, float] = Field(description="By type, since it began to run")
    usd_so_far: float | None
    usd_estimated: float | None = Field(description="Before it runs: until its deadline")
    prices_as_of: str
    prices_source: str


class MetricPointView(View):
    """One period."""

    at: str
    invocations: float
    errors_4xx: float
    errors_5xx: float
    latency_ms: float | None = Field(description="Mean, of the model alone")


class VersionMetricsView(View):
    """A version's periods with an invocation, oldest first."""

    name: str
    points: list[MetricPointView]


class ServiceMetricsView(View):
    """A service's invocations."""

    service: str
    period_s: int
    versions: list[VersionMetricsView]


class InstanceView(View):
    """The instances of one version."""

    version: str
    count: int
    weight: float


class InstanceListView(View):
    """What SageMaker says of the endpoint; null: there is none."""

    service: str
    endpoint_status: str | None
    instances: list[InstanceView]
