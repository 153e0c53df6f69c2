"""`droplearn service ...`: what can be done with a service that runs."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta

from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.client import part
from droplearn.contracts.errors import Conflict, InvalidRequest

Options = argparse.Namespace


def extend(options: Options, screen: Screen) -> Outcome:
    """By so much more than it has now."""
    client, path = connect(options.connection), f"/v1/services/{part(options.service)}"
    service = client.call("GET", path)
    if service["stops_at"] is None:
        raise Conflict("service.not_running", "The service does not run yet.", hint="Try again when it is RUNNING.")
    ends = datetime.fromisoformat(service["stops_at"]) + timedelta(seconds=options.by)
    return _changed(options, screen, {"stops_at": ends.isoformat()})


def cut(options: Options, screen: Screen) -> Outcome:
    """To end so soon from now."""
    return _changed(options, screen, {"stops_at": (datetime.now(UTC) + timedelta(seconds=options.to)).isoformat()})


def idle(options: Options, screen: Screen) -> Outcome:
    """Ends when nobody has used it for so long."""
    if not options.after and not options.never:
        raise InvalidRequest("service.no_change", "Say --after 30m or --never.")
    return _changed(options, screen, {"idle_timeout_s": 0 if options.never else options.after})


def _changed(options: Options, screen: Screen, change: dict[str, object]) -> Outcome:
    service = connect(options.connection).call("PATCH", f"/v1/services/{part(options.service)}", change)
    told = f", stops when idle for {service['idle_timeout_s']} s" if service["idle_timeout_s"] else ""
    screen.say(f"{service['id']}  {service['status']}  until {service['stops_at']}{told}")
    return Outcome({k: service[k] for k in ("id", "status", "stops_at", "idle_timeout_s", "stop_reason")})
