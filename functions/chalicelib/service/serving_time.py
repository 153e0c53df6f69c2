"""How long a service goes on: until its deadline, until nobody has used it for long, or until it is stopped.

ServeUntilStopped waits for the earliest of these. Whoever changes one of them grows `revision` and wakes the wait, and PlanServing, which
stands before each wait, decides anew. A change between the decision and the wait is noticed by the wait's condition on `revision`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.domain.service import MAX_RUNTIME_S, Service
from chalicelib.domain.times import moment_of, text_of
from chalicelib.domain.uses import most_hours, reserved_s
from chalicelib.ports import Platform
from chalicelib.service.budgets import Ask, admit
from chalicelib.service.finding import find_service
from chalicelib.service.service_events import note_event
from chalicelib.service.services import TOKEN_OUTLIVES_S, stop_service
from chalicelib.service.tokens import KEPT_AFTER_END_S
from chalicelib.service.updates import note_update
from droplearn.contracts.errors import Conflict, InvalidRequest
from droplearn.contracts.status import ServiceStatus

MAX_CHANGES = 500
"""Of one service. Each takes a round of about 13 events of its execution. Source: AWS Step Functions, quotas: 25,000 events."""
IDLE_ROUNDS = 1000
_LIVE = [ServiceStatus.STARTING.value, ServiceStatus.RUNNING.value]
_TRIES = 5


@dataclass(frozen=True)
class TimeOrder:
    """One of the first two, or neither. `idle_timeout_s` 0: never."""

    max_runtime_s: int | None = None
    stops_at: datetime | None = None
    idle_timeout_s: int | None = None


def change_time(platform: Platform, service_id: str, order: TimeOrder, by: str = "") -> Service:
    """Extends or cuts a service's life, at once. A deadline in the past ends it.

    Raises:
        NotFound: `service.unknown`.
        InvalidRequest: `service.no_change`, `service.too_long`.
        Conflict: `service.over`, `service.too_many_changes`, `service.busy`.
        BudgetExceeded.
    """
    if order == TimeOrder() or (order.max_runtime_s is not None and order.stops_at is not None):
        raise InvalidRequest("service.no_change", "Give max_runtime_s, or stops_at, or idle_timeout_s.", hint="Not both of the first two.")
    for _ in range(_TRIES):
        service = find_service(platform, service_id)
        changes = _checked_changes(platform, service, order)
        _ask_for_time(platform, service, changes)
        unless: dict[str, list[Any]] = {"status": [service.status], "revision": [service.revision]}
        unless |= {"version_count": [service.version_count]}
        changed = platform.services.change(service_id, changes, only_if=unless)
        if changed is not None:
            note_update(platform, service_id, "time", by, {k: v for k, v in changes.items() if k not in ("revision", "updated_at")})
            return _take_effect(platform, changed, by)
    raise Conflict("service.busy", "The service changes its state too fast.", hint="Try again in some seconds.")


def _checked_changes(platform: Platform, service: Service, order: TimeOrder) -> dict[str, Any]:
    if service.state.is_terminal or service.state is ServiceStatus.STOPPING:
        raise Conflict("service.over", f"The service is {service.status}.", hint="Deploy the model again.")
    if service.revision >= MAX_CHANGES:
        raise Conflict("service.too_many_changes", f"A service is changed at most {MAX_CHANGES} times.", hint="Deploy the model again.")
    changes: dict[str, Any] = {"revision": service.revision + 1, "updated_at": text_of(platform.now())}
    if order.idle_timeout_s is not None:
        changes["idle_timeout_s"] = order.idle_timeout_s or None
    began = moment_of(service.running_since) if service.running_since else platform.now()
    if order.stops_at is not None:
        changes |= {"stops_at": text_of(order.stops_at), "max_runtime_s": max(0, round((order.stops_at - began).total_seconds()))}
    elif order.max_runtime_s is not None:
        ends = text_of(began + timedelta(seconds=order.max_runtime_s)) if service.running_since else None
        changes |= {"stops_at": ends, "max_runtime_s": order.max_runtime_s}
    if changes.get("max_runtime_s", 0) > MAX_RUNTIME_S:
        raise InvalidRequest(
            "service.too_long",
            f"A service runs for at most {MAX_RUNTIME_S // 86400} days.",
            hint="Deploy the model again when its time is over.",
            details={"latest": text_of(began + timedelta(seconds=MAX_RUNTIME_S))},
        )
    return changes


def _ask_for_time(platform: Platform, service: Service, changes: dict[str, Any]) -> None:
    """Less time, and what is no change of it, needs no budget."""
    now, revision = platform.now(), changes["revision"]
    more_s = reserved_s(replace(service, **changes), now) - reserved_s(service, now)
    if more_s > 0:
        admit(platform, service.project, Ask(service.id, most_hours(service, more_s), "revision", revision))


def _take_effect(platform: Platform, service: Service, by: str) -> Service:
    _keep_token(platform, service)
    if service.stop_token:
        platform.executions.succeed(service.stop_token, {"reason": "changed"})
    elif service.stops_at and service.stops_at <= text_of(platform.now()):
        return stop_service(platform, service.id, "deadline", by)
    return find_service(platform, service.id)


def _keep_token(platform: Platform, service: Service) -> None:
    """It outlives the service, wherever its deadline has moved to."""
    if service.token and service.stops_at:
        ends = moment_of(service.stops_at) + timedelta(seconds=TOKEN_OUTLIVES_S)
        platform.tokens.change(service.token, {"valid_until": text_of(ends), "expires_at": int(ends.timestamp()) + KEPT_AFTER_END_S})


def plan_serving(platform: Platform, service_id: str, rows_expire: int, rounds: int) -> dict[str, Any]:
    """What comes next: `serve` (and for how long), `end` (and why), or `over`. `rounds`: how often it was asked before. `rows_expire`:
    those of a service of tables, seconds since 1970.
    """
    for _ in range(_TRIES):
        service = find_service(platform, service_id)
        if service.status not in _LIVE:
            return {"next": "over"}
        if service.stops_at and service.running_since:
            note_event(platform, service.id, "in_service", service.running_since)
            return _decide(platform, service, rows_expire, rounds) | {"revision": str(service.revision), "rounds": rounds + 1}
        now = platform.now()
        begun = {"running_since": text_of(now), "stops_at": service.stops_at or text_of(now + timedelta(seconds=service.max_runtime_s))}
        if changed := platform.services.change(service_id, begun, only_if={"status": _LIVE, "revision": [service.revision]}):
            _keep_token(platform, changed)
    raise Conflict("service.busy", "The service changes its state too fast.", hint="Try again in some seconds.")


def _decide(platform: Platform, service: Service, rows_expire: int, rounds: int) -> dict[str, Any]:
    now, ends = platform.now(), moment_of(service.stops_at or "")
    if service.serving == "tables":  # rows that an earlier release has loaded do not outlive every deadline
        ends = min(ends, datetime.fromtimestamp(rows_expire, UTC))
    if ends <= now:
        return {"next": "end", "reason": "deadline"}
    idle_at = _idle_at(platform, service)
    if idle_at is not None and idle_at <= now:
        return {"next": "end", "reason": "idle"}
    left_s = (ends - now).total_seconds()
    wait_s = left_s if idle_at is None else min(left_s, max((idle_at - now).total_seconds(), left_s / max(1, IDLE_ROUNDS - rounds)))
    return {"next": "serve", "wait_s": max(1, math.ceil(wait_s))}


def _idle_at(platform: Platform, service: Service) -> datetime | None:
    """Callers of the endpoint itself leave no note: the endpoint's own count tells of them."""
    if service.idle_at is None or service.idle_timeout_s is None:
        return None
    idle_at = moment_of(service.idle_at)
    if idle_at > platform.now() or service.serving != "endpoint":
        return idle_at
    used = platform.service_metrics.last_use(
        service.id, service.variants, idle_at - timedelta(seconds=service.idle_timeout_s), platform.now()
    )
    if used is None:
        return idle_at
    platform.services.change(service.id, {"last_used_at": text_of(used)}, only_if={"status": _LIVE})
    return used + timedelta(seconds=service.idle_timeout_s)
