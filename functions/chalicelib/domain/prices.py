"""What a service costs: instances by the hour, serverless by the second, from a dated table. What is not in it has no price."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from chalicelib.domain.service import Service
from chalicelib.domain.times import moment_of

_TABLE = Path(__file__).with_name("prices.json")


class Prices(NamedTuple):
    """USD per instance and hour; of serverless services per second and GB of memory, and per GB of requests and answers. `as_of`, `region`
    and `source` say what they are worth.
    """

    as_of: str
    region: str
    source: str
    usd_per_hour: dict[str, float]
    usd_per_gb_second: float | None = None
    usd_per_gb_processed: float | None = None

    def per_hour(self, instances: Mapping[str, float]) -> float | None:
        """Of so many instances of each type."""
        if any(name not in self.usd_per_hour for name in instances):
            return None
        return round(sum(self.usd_per_hour[name] * count for name, count in instances.items()), 6)

    def per_second(self, memory_mb: int) -> float | None:
        """Of a serverless container that answers."""
        return None if self.usd_per_gb_second is None else round(self.usd_per_gb_second * memory_mb / 1024, 9)


def prices(override: str = "") -> Prices:
    """`override`: a JSON object of the table's form; it replaces the table."""
    told = json.loads(override or _TABLE.read_text())
    per_hour = {k: float(v) for k, v in told["usd_per_hour"].items()}
    return Prices(told["as_of"], told["region"], told["source"], per_hour, told.get("usd_per_gb_second"), told.get("usd_per_gb_processed"))


def instances_of(service: Service) -> dict[str, float]:
    """What runs, or is to run: none for a service of tables, or a serverless one."""
    if service.serving != "endpoint" or service.instance_type is None:
        return {}
    return dict(service.instances or {service.instance_type: counted_instances(service, service.instance_count)})


def counted_instances(service: Service, count: int) -> int:
    """Of one version: how many an autoscaled service has had, nobody keeps; it has never had fewer than these."""
    return int(service.autoscaling["min_instances"]) if service.autoscaling else count


def instance_hours(service: Service, now: datetime) -> dict[str, float]:
    """From RUNNING to its end, by type."""
    hours = {name: seconds / 3600 for name, seconds in (service.billed_s or {}).items()}
    since = service.billed_since or service.running_since
    if since is not None:
        until = moment_of(service.ended_at) if service.ended_at else now
        seconds = max(0.0, (until - moment_of(since)).total_seconds())
        for name, count in instances_of(service).items():
            hours[name] = hours.get(name, 0.0) + count * seconds / 3600
    return hours
