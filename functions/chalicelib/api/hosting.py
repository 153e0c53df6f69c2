"""What a caller says about a service's hosting, and what is shown of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from chalicelib.domain.hosting import (
    DEFAULT_CONCURRENCY,
    DEFAULT_MEMORY_MB,
    DEFAULT_PER_MINUTE,
    MAX_CONCURRENCY,
    MAX_INSTANCES,
    MAX_MEMORY_MB,
    MAX_PER_MINUTE,
    MIN_MEMORY_MB,
)
from droplearn.contracts.document import Part

InstanceType = Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]
InstanceCount = Annotated[int, Field(ge=1, le=MAX_INSTANCES)]
Network = Literal["public", "vpc"]


class ScalingRange(Part):
    """There are more instances when each would answer more than `invocations_per_minute`, and fewer when it would be less for a while."""

    min_instances: InstanceCount = 1
    max_instances: InstanceCount
    invocations_per_minute: Annotated[float, Field(ge=1, le=MAX_PER_MINUTE)] = DEFAULT_PER_MINUTE


class Serverless(Part):
    """Servers that are there, and are paid, while somebody asks: no instances, no GPU, no VPC, one version at a time. The first request
    after a while takes some seconds.
    """

    memory_mb: Annotated[int, Field(ge=MIN_MEMORY_MB, le=MAX_MEMORY_MB, multiple_of=1024)] = DEFAULT_MEMORY_MB
    max_concurrency: Annotated[int, Field(ge=1, le=MAX_CONCURRENCY)] = DEFAULT_CONCURRENCY
