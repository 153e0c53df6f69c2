"""The clock of EventBridge Scheduler and of scheduled rules: `at(...)`, `rate(...)` and `cron(...)`; moto's never fire."""

import json
import logging
import re
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from moto.events.models import events_backends
from moto.scheduler.models import scheduler_backends

from twin.eventing.cron import matches_minute
from twin.eventing.targets import deliver, shape_input

log = logging.getLogger("twin.schedules")
_TICK_S = 0.25
_UNITS_S = {"minute": 60, "hour": 3600, "day": 86400}


class Clock(threading.Thread):
    """Fires what is due. Rates count from the start of the twin, so a restart does not fire all at once."""

    def __init__(self, stop: threading.Event):
        super().__init__(daemon=True, name="schedules")
        self._ending = stop
        self._since = time.time()
        self._fired: dict[tuple[str, str], float] = {}

    def run(self) -> None:
        """Tick until the twin ends."""
        while not self._ending.wait(_TICK_S):
            for regions in list(scheduler_backends.values()):
                for backend in list(regions.values()):
                    self._fire_schedules(backend)
            for regions in list(events_backends.values()):
                for backend in list(regions.values()):
                    self._fire_rules(backend)

    def _fire_schedules(self, backend: Any) -> None:
        for group in list(backend.schedule_groups.values()):
            for schedule in list(group.schedules.values()):
                expression = schedule.schedule_expression
                if schedule.state != "ENABLED" or not self._is_due(expression, schedule.arn, schedule.schedule_expression_timezone):
                    continue
                payload = json.loads(schedule.target.get("Input") or "{}")
                self._deliver(schedule.name, schedule.target["Arn"], payload, backend)
                if expression.startswith("at(") and schedule.action_after_completion == "DELETE":
                    group.schedules.pop(schedule.name, None)

    def _fire_rules(self, backend: Any) -> None:
        for bus in list(backend.event_buses.values()):
            for rule in list(bus.rules.values()):
                expression = rule.scheduled_expression
                if expression and rule.state != "ENABLED":
                    self._fired[rule.arn, expression] = time.time()  # a rate counts from when the rule is enabled
                elif expression and self._is_due(expression, rule.arn, "UTC"):
                    event = _scheduled_event(rule, backend)
                    for target in list(rule.targets):
                        self._deliver(rule.name, target["Arn"], shape_input(target, event), backend)

    def _deliver(self, name: str, arn: str, payload: Any, backend: Any) -> None:
        try:
            deliver(arn, payload, backend.account_id, backend.region_name)
        except Exception:
            log.exception("schedule %s cannot deliver to %s", name, arn)

    def _is_due(self, expression: str, arn: str, time_zone: str | None) -> bool:
        key, now = (arn, expression), time.time()
        zone = ZoneInfo(time_zone or "UTC")
        if found := re.fullmatch(r"at\((.+)\)", expression):
            due = key not in self._fired and now >= datetime.fromisoformat(found[1]).replace(tzinfo=zone).timestamp()
        elif found := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression):
            due = now - self._fired.get(key, self._since) >= int(found[1]) * _UNITS_S[found[2]]
        elif found := re.fullmatch(r"cron\((.+)\)", expression):
            is_new_minute = int(now // 60) != int(self._fired.get(key, self._since) // 60)
            due = is_new_minute and matches_minute(found[1], datetime.fromtimestamp(now, zone))
        else:
            due = False
        if due:
            self._fired[key] = now
        return due


def _scheduled_event(rule: Any, backend: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": backend.account_id,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": backend.region_name,
        "resources": [rule.arn],
        "detail": {},
    }
