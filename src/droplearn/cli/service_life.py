"""`droplearn service list`, `extend`, `cut` and `idle`: what runs, and how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from droplearn.cli.connecting import connect
from droplearn.cli.looking import newest_first
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen, moment
from droplearn.cli.values import duration_s
from droplearn.cli.words import Command, Options
from droplearn.client import part
from droplearn.contracts.errors import Conflict, InvalidRequest


def add_life(command: Command) -> None:
    """Their words."""
    listing_words = command("list", listing, "list services, newest first")
    listing_words.add_argument("--project", help="of this project only")
    extend_words = command("extend", extend, "let a service run longer")
    extend_words.add_argument("service")
    extend_words.add_argument("--by", type=duration_s, required=True, metavar="1h", help="more than it has now")
    cut_words = command("cut", cut, "let a service end sooner")
    cut_words.add_argument("service")
    cut_words.add_argument("--to", type=duration_s, default=0, metavar="10m", help="from now (default: now)")
    idle_words = command("idle", idle, "end a service when nobody has used it for so long")
    idle_words.add_argument("service")
    idle_words.add_argument("--after", type=duration_s, metavar="30m", help="at least 10s")
    idle_words.add_argument("--never", action="store_true", help="it may be idle until its deadline")


def listing(options: Options, screen: Screen) -> Outcome:
    """Of one project, or of all; newest first."""
    found = newest_first(connect(options.connection), options.project, "services")
    rows = [[s["id"], s["project"], s["name"], s["status"], s["ended_at"] or s["stops_at"]] for s in found]
    screen.table("services", ["id", "project", "name", "status", "ends"], rows)
    return Outcome({"services": found})


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
    screen.say(f"{service['id']}  {service['status']}  until {moment(str(service['stops_at']))}{told}")
    return Outcome({k: service[k] for k in ("id", "status", "stops_at", "idle_timeout_s", "stop_reason")})
