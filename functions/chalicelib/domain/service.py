"""Services: a model behind an endpoint, until its deadline."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal

from chalicelib.domain.failure import Problem
from chalicelib.domain.hosting import ScalingRange, Serverless
from chalicelib.domain.records import ById, Executed
from chalicelib.domain.times import moment_of, text_of
from droplearn.contracts.status import ServiceKind, ServiceStatus

MIN_RUNTIME_S, DEFAULT_RUNTIME_S, MAX_RUNTIME_S = 60, 3600, 30 * 24 * 3600
MIN_IDLE_S, DEFAULT_IDLE_S, MAX_IDLE_S = 10, 1800, 7 * 24 * 3600
NOTED_EVERY_S = 30
FIRST_VARIANT = "v1"
SHARED_VARIANT = "shared"
"""The only one of an endpoint whose versions share the instances."""
Placement = Literal["dedicated", "shared"]


@dataclass(frozen=True)
class Service(Executed):
    """`id` is also the name of its endpoint, and of the first configuration and model of that.

    `start_token` and `stop_token` are those of the states AwaitEndpoint and ServeUntilStopped, which wait for an answer. `revision`
    grows with each change of what ServeUntilStopped waits for, `attempt` with each execution that takes the service over.
    """

    KIND: ClassVar[str] = "SERVICE"

    id: str
    project: str
    model: str
    scenario: str
    status: str
    created_at: str
    updated_at: str
    instance_type: str | None = None
    """None: serverless."""
    instance_count: int = 1
    autoscaling: ScalingRange | None = None
    """Of its instances."""
    serverless: Serverless | None = None
    network: str = "public"
    """Or `vpc`."""
    serving: str = "endpoint"
    """Or `tables`: no endpoint, a Lambda answers from rows."""
    max_runtime_s: int = DEFAULT_RUNTIME_S
    kind: str = ServiceKind.TEST.value
    idle_timeout_s: int | None = None
    """None: it may be idle as long as it likes."""
    name: str | None = None
    variant: str = "fp32"
    """Of the model: as trained, or what optimisation made of it."""
    placement: Placement = "dedicated"
    """Of its versions: each on instances of its own, or all on the same."""
    token: str | None = None
    """Id of its present token."""
    weights: dict[str, float] = field(default_factory=lambda: {FIRST_VARIANT: 1.0})
    """Of the service versions that answer: their share of the traffic."""
    version_count: int = 1
    config: str | None = None
    """The endpoint's configuration; None: the first, which has the service's name."""
    config_count: int = 0
    instances: dict[str, int] | None = None
    """By type, of all its versions; None: of the only one."""
    billed_s: dict[str, float] | None = None
    """Instance seconds by type until `billed_since`; None: it has not changed its instances yet."""
    billed_since: str | None = None
    updating: str | None = None
    """Id of the update that is under way."""
    coming: dict[str, float] | None = None
    """While it is updated: instances by type that it may have at the most."""
    attempt: int = 1
    revision: int = 0
    execution: str | None = None
    start_token: str | None = None
    stop_token: str | None = None
    running_since: str | None = None
    stops_at: str | None = None
    """The deadline, once it runs or was set."""
    last_used_at: str | None = None
    """Noted once in a while: `noted_every_s`."""
    stop_reason: str | None = None
    """`requested`, `deadline` or `idle`."""
    ended_at: str | None = None
    error: Problem | None = None

    @property
    def listing(self) -> tuple[str, str]:
        """A project's services by time."""
        return services_of(self.project), self.id

    @property
    def is_shared(self) -> bool:
        """All versions are in one server."""
        return self.placement == "shared"

    @property
    def variants(self) -> list[str]:
        """Of its endpoint: what CloudWatch counts by. Dedicated: one a version."""
        return [SHARED_VARIANT] if self.is_shared else list(self.weights)

    @property
    def all_variants(self) -> list[str]:
        """That its endpoint ever had."""
        return self.variants if self.is_shared else self.all_versions

    @property
    def all_versions(self) -> list[str]:
        """That it ever had."""
        return [f"v{number}" for number in range(1, self.version_count + 1)]

    @property
    def best_version(self) -> str:
        """The one with the most traffic."""
        return max(self.weights, key=lambda name: self.weights[name])

    @property
    def config_name(self) -> str:
        """The endpoint's configuration."""
        return self.config or self.id

    @property
    def noted_every_s(self) -> float:
        """A use within so long of the last one need not be written down."""
        return noted_every_s(self.idle_timeout_s)

    @property
    def idle_at(self) -> str | None:
        """When it has been idle long enough, as far as is known; never too early."""
        since = self.last_used_at or self.running_since
        if self.idle_timeout_s is None or since is None:
            return None
        return text_of(moment_of(since) + timedelta(seconds=self.idle_timeout_s + self.noted_every_s))

    @property
    def is_in_service(self) -> bool:
        """Also while another execution takes it over."""
        is_taken_over = self.state in (ServiceStatus.CREATED, ServiceStatus.STARTING) and self.running_since is not None
        return self.state is ServiceStatus.RUNNING or is_taken_over

    @property
    def state(self) -> ServiceStatus:
        """`status`, typed."""
        return ServiceStatus(self.status)


def noted_every_s(idle_timeout_s: int | None) -> float:
    """At most a tenth of the idle time."""
    return NOTED_EVERY_S if idle_timeout_s is None else min(NOTED_EVERY_S, idle_timeout_s / 10)


@dataclass(frozen=True)
class LiveService(ById):
    """That there is a service which may not be over: what the sweep looks at."""

    KIND: ClassVar[str] = "LIVE_SERVICE"
    LISTED_IN: ClassVar[str] = "LIVE_SERVICES"

    id: str
    created_at: str

    @property
    def listing(self) -> tuple[str, str]:
        """All of them."""
        return self.LISTED_IN, self.id


def services_of(project: str) -> str:
    """The listing."""
    return f"PROJECT#{project}#SERVICES"
