"""Services: a model behind an endpoint, until its deadline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from chalicelib.domain.failure import Problem
from chalicelib.domain.times import moment_of, text_of
from droplearn.contracts.status import ServiceStatus

MIN_RUNTIME_S, DEFAULT_RUNTIME_S, MAX_RUNTIME_S = 60, 3600, 30 * 24 * 3600


@dataclass(frozen=True)
class Service:
    """`start_token` and `stop_token` are those of the states AwaitEndpoint and ServeUntilStopped, which wait for an answer."""

    KIND: ClassVar[str] = "SERVICE"

    id: str
    project: str
    model: str
    scenario: str
    status: str
    created_at: str
    updated_at: str
    instance_type: str
    instance_count: int = 1
    serving: str = "endpoint"
    """Or `tables`: no endpoint, a Lambda answers from rows."""
    max_runtime_s: int = DEFAULT_RUNTIME_S
    name: str | None = None
    variant: str = "fp32"
    """Of the model: as trained, or what optimisation made of it."""
    token: str | None = None
    """Id of the token that was made with it."""
    execution: str | None = None
    start_token: str | None = None
    stop_token: str | None = None
    running_since: str | None = None
    stop_reason: str | None = None
    """`requested` or `deadline`."""
    ended_at: str | None = None
    error: Problem | None = None

    @property
    def key(self) -> str:
        """The id; also the name of its endpoint, endpoint configuration and SageMaker model."""
        return self.id

    @property
    def listing(self) -> tuple[str, str]:
        """A project's services by time."""
        return services_of(self.project), self.id

    @property
    def execution_name(self) -> str:
        """A service runs once."""
        return f"{self.id}-a1"

    @property
    def stops_at(self) -> str | None:
        """The deadline, once it runs."""
        if self.running_since is None:
            return None
        return text_of(moment_of(self.running_since) + timedelta(seconds=self.max_runtime_s))

    @property
    def state(self) -> ServiceStatus:
        """`status`, typed."""
        return ServiceStatus(self.status)


def services_of(project: str) -> str:
    """The listing."""
    return f"PROJECT#{project}#SERVICES"
