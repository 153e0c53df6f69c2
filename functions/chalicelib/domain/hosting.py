"""How a service is hosted: instances (a number of them, or a range), or serverless; openly, or with its servers in the stack's VPC."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

MAX_INSTANCES = 20
DEFAULT_PER_MINUTE, MAX_PER_MINUTE = 600, 1_000_000
MIN_MEMORY_MB, DEFAULT_MEMORY_MB, MAX_MEMORY_MB = 1024, 2048, 6144
DEFAULT_CONCURRENCY, MAX_CONCURRENCY = 5, 200
"""Source: SageMaker API reference, ProductionVariantServerlessConfig: 1 to 6 GB in steps of 1 GB, at most 200 at a time."""
_FIRST_PING_S = 600

Network = Literal["public", "vpc"]


class ScalingRange(TypedDict):
    """The range, and how many invocations a minute one instance is to answer: more make more instances, fewer make fewer."""

    min_instances: int
    max_instances: int
    invocations_per_minute: float


class Serverless(TypedDict):
    """Servers that are there while somebody asks."""

    memory_mb: int
    max_concurrency: int


def production_variant(
    name: str, model_name: str, weight: float, instance_type: str | None, instance_count: int, serverless: Serverless | None
) -> dict[str, Any]:
    """Of an endpoint configuration."""
    named: dict[str, Any] = {"VariantName": name, "ModelName": model_name, "InitialVariantWeight": weight}
    if serverless:
        return named | {"ServerlessConfig": {"MemorySizeInMB": serverless["memory_mb"], "MaxConcurrency": serverless["max_concurrency"]}}
    return named | {
        "InstanceType": instance_type,
        "InitialInstanceCount": instance_count,
        "ContainerStartupHealthCheckTimeoutInSeconds": _FIRST_PING_S,
    }


def container_environment(serverless: Serverless | None) -> dict[str, str]:
    """A serverless container is given one request at a time. Source: Amazon SageMaker developer guide, "Deploy models with Amazon SageMaker
    Serverless Inference", container support: one worker.
    """
    return {"SERVER_WORKERS": "1"} if serverless else {}
