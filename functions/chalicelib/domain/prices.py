"""What a service costs: instances by the hour, from a dated table. A type that is not in it has no price; nothing is guessed."""

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
    """USD per instance and hour. `as_of`, `region` and `source` say what they are worth."""

    as_of: str
    region: str
    source: str
    usd_per_hour: dict[str, float]

    def per_hour(self, instances: Mapping[str, float]) -> float | None:
        """Of so many instances of each type."""
        if any(name not in self.usd_per_hour for name in instances):
            return None
        return round(sum(self.usd_per_hour[name] * count for name, count in instances.items()), 6)


def prices(override: str = "") -> Prices:
    """`override`: a JSON object of the table's form; it replaces the table."""
    told = json.loads(override or _TABLE.read_text())
    return Prices(told["as_of"], told["region"], told["source"], {k: float(v) for k, v in told["usd_per_hour"].items()})


def instances_of(service: Service) -> dict[str, float]:
    """What runs, or is to run: none for a service of tables."""
    if service.serving != "endpoint":
        return {}
    return dict(service.instances or {service.instance_type: service.instance_count})


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
