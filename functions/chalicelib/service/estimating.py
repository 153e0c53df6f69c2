"""What a service or a task would cost, before anything is made (K-1): by the price table, and for serverless by the second."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.budget import usd_of
from chalicelib.domain.prices import Prices
from chalicelib.domain.uses import Job
from chalicelib.ports import Platform
from chalicelib.service.billed_jobs import task_jobs
from chalicelib.service.services import ServiceOrder, check_order
from chalicelib.service.tasks import TaskOrder, check_task
from droplearn.scenarios import scenario_named

ASSUMED_LATENCY_MS = 100.0


def estimate_service(platform: Platform, order: ServiceOrder, prices: Prices, latency_ms: float = ASSUMED_LATENCY_MS) -> dict[str, Any]:
    """A price that the table does not know is None. Raises as create_service."""
    model, hosting = check_order(platform, order)
    serving = scenario_named(model.scenario).spec.serving
    least, most = _counts(hosting) if serving == "endpoint" else (0, 0)
    per_hour = [_per_hour(prices, hosting, count) for count in (least, most)]
    hours = order.max_runtime_s / 3600
    whole = [None if usd is None else round(usd * hours, 6) for usd in per_hour]
    return {
        "model": model.id,
        "instance_type": hosting["instance_type"] if serving == "endpoint" else None,
        "max_runtime_s": order.max_runtime_s,
        "least": {"instances": least, "usd_per_hour": per_hour[0], "usd_until_deadline": whole[0]},
        "most": {"instances": most, "usd_per_hour": per_hour[1], "usd_until_deadline": whole[1]},
        "serverless": _by_use(prices, hosting["serverless"], latency_ms) if hosting.get("serverless") else None,
        "prices_as_of": prices.as_of,
        "prices_source": prices.source,
    }


def _counts(hosting: dict[str, Any]) -> tuple[int, int]:
    if scaled := hosting.get("autoscaling"):
        return scaled["min_instances"], scaled["max_instances"]
    return hosting["instance_count"], hosting["instance_count"]


def _per_hour(prices: Prices, hosting: dict[str, Any], count: int) -> float | None:
    return prices.per_hour({hosting["instance_type"]: count} if count else {})


def _by_use(prices: Prices, serverless: dict[str, int], latency_ms: float) -> dict[str, Any]:
    per_second = prices.per_second(serverless["memory_mb"])
    return dict(serverless) | {
        "latency_ms": latency_ms,
        "usd_per_second": per_second,
        "usd_per_1000_requests": None if per_second is None else round(per_second * latency_ms, 9),
        "usd_per_gb_processed": prices.usd_per_gb_processed,
    }


def estimate_task(platform: Platform, order: TaskOrder, prices: Prices) -> dict[str, Any]:
    """At the most: as a budget counts it. A price that the table does not know is None. Raises as create_task."""
    project = check_task(platform, order)
    jobs = task_jobs(project.scenario, order.settings.model_dump(mode="json"))
    return {
        "dataset": order.dataset,
        "training": _of_job(jobs.training, prices),
        "afterwards": _of_job(jobs.after, prices),
        "usd_at_most": usd_of(jobs.at_most, prices),
        "prices_as_of": prices.as_of,
        "prices_source": prices.source,
    }


def _of_job(job: Job, prices: Prices) -> dict[str, Any]:
    told = {"instance_type": job.instance_type, "instances": job.instances, "max_runtime_s": job.limit_s}
    return told | {"usd_at_most": usd_of(job.at_most, prices)}
