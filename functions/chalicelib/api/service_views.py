"""What callers see of services: their versions, updates, events, costs and figures."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from chalicelib.api.hosting import ScalingRange, Serverless
from chalicelib.api.views import ErrorView, View
from chalicelib.domain.service_event import EventKind
from droplearn.contracts.status import ServiceKind, ServiceStatus


class ServiceView(View):
    """A service."""

    id: str
    name: str | None
    project: str
    model: str
    scenario: str
    kind: ServiceKind
    status: ServiceStatus
    url: str
    weights: dict[str, float] = Field(description="Of its versions: the share of the traffic of each")
    updating: str | None = Field(description="The update that is under way")
    instance_type: str | None = Field(description="None: serverless")
    instance_count: int = Field(description="At the beginning, when it is autoscaled")
    autoscaling: ScalingRange | None
    serverless: Serverless | None
    network: str = Field(description="`public`, or `vpc`: its servers are in the stack's VPC")
    variant: str = Field(description="Of the model: `fp32` as trained, `int8`, `fp16`")
    placement: str = Field(description="Of its versions: `dedicated`, each on instances of its own; `shared`, all on the same")
    max_runtime_s: int
    created_at: str
    updated_at: str
    running_since: str | None
    stops_at: str | None = Field(description="The deadline, once it runs or was set")
    idle_timeout_s: int | None = Field(description="It stops when nobody has used it for so long")
    last_used_at: str | None = Field(description="Within half a minute, or a tenth of the idle time")
    stop_reason: str | None = Field(description="`requested`, `deadline` or `idle`")
    ended_at: str | None
    error: ErrorView | None


class NewServiceView(ServiceView):
    """With its token, which is shown this once."""

    token: str | None = Field(description="Absent (null) when the same request came before")


class ServicePage(View):
    """Services, newest first."""

    services: list[ServiceView]
    next_cursor: str | None = None


class ServiceVersionView(View):
    """A model of a service."""

    service: str
    number: int
    name: str = Field(description="Of the endpoint's production variant: v1, v2, ...")
    model: str
    share: float = Field(description="Of the traffic, at present; 0: it does not answer")
    instance_type: str | None = Field(description="None: serverless")
    instance_count: int
    serverless: Serverless | None
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


class ServiceEventView(View):
    """Something that happened to a service, once."""

    service: str
    name: str = Field(description="Unique within the service")
    kind: EventKind
    at: str
    by: str | None = Field(description="Id of the token that asked, or of the task that deployed; null: droplearn itself")
    what: dict[str, Any]


class ServiceEventPage(View):
    """Events, newest first."""

    events: list[ServiceEventView]
    next_cursor: str | None = None


class RotatedTokenView(View):
    """The new token, which is shown this once."""

    service: str
    token: str
    old_valid_until: str


class PricesView(View):
    """USD: instances by the hour; serverless by the second and GB of memory, and by GB of requests and answers."""

    as_of: str
    region: str
    source: str
    usd_per_hour: dict[str, float]
    usd_per_gb_second: float | None
    usd_per_gb_processed: float | None


class RunningCostView(View):
    """Of so many instances."""

    instances: int
    usd_per_hour: float | None
    usd_until_deadline: float | None


class ServerlessCostView(View):
    """By use."""

    memory_mb: int
    max_concurrency: int
    latency_ms: float = Field(description="Assumed for one request")
    usd_per_second: float | None = Field(description="Of each container that answers")
    usd_per_1000_requests: float | None = Field(description="One after another, without what is processed")
    usd_per_gb_processed: float | None


class EstimateView(View):
    """What a service would cost; null: the price table does not know it. `least` and `most` are the ends of its range."""

    model: str
    instance_type: str | None
    max_runtime_s: int
    least: RunningCostView
    most: RunningCostView
    serverless: ServerlessCostView | None
    prices_as_of: str
    prices_source: str


class CostView(View):
    """Instances, or the answering time of a serverless service: requests, storage and traffic are small beside them, and not counted."""

    service: str
    instances: dict[str, float] = Field(description="By type, at present; none when it is over, serverless, or a service of tables")
    usd_per_hour: float | None = Field(description="At present; null also for serverless")
    instance_hours: dict[str, float] = Field(description="By type, since it began to run")
    usd_so_far: float | None
    usd_estimated: float | None = Field(description="Before it runs: until its deadline")
    note: str = Field(description="What to know about these figures")
    prices_as_of: str
    prices_source: str


class MetricPointView(View):
    """One period."""

    at: str
    invocations: float
    errors_4xx: float
    errors_5xx: float
    latency_ms: float | None = Field(description="Mean, of the model alone; of versions that share instances: in the server")


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
