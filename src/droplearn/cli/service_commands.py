"""`droplearn service ...`: what can be done with a service that runs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import itemgetter

from droplearn.cli.connecting import connect
from droplearn.cli.deploying import usd
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.client import Json, part, wait_until
from droplearn.contracts.errors import Conflict, InvalidRequest

Options = argparse.Namespace


def listing(options: Options, screen: Screen) -> Outcome:
    """Of one project, or of all; newest first."""
    client = connect(options.connection)
    projects = [options.project] if options.project else [p["name"] for p in client.pages("/v1/projects", "projects")]
    found = [s for p in projects for s in client.pages(f"/v1/projects/{part(p)}/services", "services")]
    found.sort(key=itemgetter("created_at"), reverse=True)
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


def publish(options: Options, screen: Screen) -> Outcome:
    """A new version of a service that runs; it answers all the time."""
    client, path = connect(options.connection), f"/v1/services/{part(options.service)}"
    body: dict[str, object] = {"model": options.model} | ({"share": options.share} if options.share is not None else {})
    if options.canary is not None:
        body["canary"] = {"share": options.canary} | ({"duration_s": options.watch} if options.watch else {})
    update = client.call("POST", f"{path}/versions", body)
    if options.wait:
        update = _end_of_update(options, screen, update["id"])
    screen.say(f"{update['id']}  {update['outcome']}  {update['message']}".rstrip())
    return Outcome(update, update["outcome"] in ("in_progress", "done"))


def traffic(options: Options, screen: Screen) -> Outcome:
    """Shares by version; those not named go."""
    shares = dict(options.share)
    update = connect(options.connection).call("PUT", f"/v1/services/{part(options.service)}/traffic", {"shares": shares})
    if options.wait:
        update = _end_of_update(options, screen, update["id"])
    screen.say(f"{update['id']}  {update['outcome']}")
    return Outcome(update, update["outcome"] in ("in_progress", "done"))


def _end_of_update(options: Options, screen: Screen, update_id: str) -> Json:
    client, path = connect(options.connection), f"/v1/services/{part(options.service)}/updates"

    def look() -> Json:
        found = next(u for u in client.pages(path, "updates") if u["id"] == update_id)
        screen.progress(f"update {found['phase']}")
        return found

    return wait_until(look, lambda u: u["outcome"] != "in_progress")


def versions(options: Options, screen: Screen) -> Outcome:
    """Versions with their share, and what was changed."""
    client, path = connect(options.connection), f"/v1/services/{part(options.service)}"
    found = {kind: list(client.pages(f"{path}/{kind}", kind)) for kind in ("versions", "updates")}
    rows = [[v["model"], v["name"], f"{v['share']:.0%}", v["created_at"]] for v in found["versions"]]
    screen.table("versions", ["model", "version", "share", "since"], rows)
    told = [[u["at"], u["kind"], u["outcome"].replace("_", " "), u["message"]] for u in found["updates"]]
    screen.table("updates", ["at", "what", "outcome", ""], told)
    return Outcome(found)


def events(options: Options, screen: Screen) -> Outcome:
    """What happened, oldest first."""
    client, path = connect(options.connection), f"/v1/services/{part(options.service)}/events"
    found = list(reversed(list(client.pages(path, "events"))))
    rows = [[e["at"], e["kind"].replace("_", " "), e["by"] or "droplearn", _told(e["what"])] for e in found]
    screen.table("events", ["at", "what", "who", ""], rows)
    return Outcome({"events": found})


def _told(what: Json) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in _leaves(what))


def _leaves(what: Json) -> Iterator[tuple[str, object]]:
    for name, value in what.items():
        if isinstance(value, dict):
            yield from ((f"{name} {inner}", found) for inner, found in _leaves(value))
        elif value is not None:
            yield name, value


def monitor(options: Options, screen: Screen) -> Outcome:
    """What it costs, and what it answered in the last hour."""
    client, path = connect(options.connection), f"/v1/services/{part(options.service)}"
    found = {kind: client.call("GET", f"{path}/{kind}") for kind in ("cost", "instances", "metrics")}
    cost = found["cost"]
    hourly = f"{usd(cost['usd_per_hour'])} an hour, " if cost["usd_per_hour"] is not None or not cost["note"] else ""
    screen.say(f"{hourly}{usd(cost['usd_so_far'])} so far (prices as of {cost['prices_as_of']}) {cost['note']}".rstrip())
    rows = [
        [
            version["name"],
            *(f"{sum(point[name] for point in version['points']):.0f}" for name in ("invocations", "errors_4xx", "errors_5xx")),
        ]
        for version in found["metrics"]["versions"]
    ]
    screen.table("last hour", ["version", "invocations", "4xx", "5xx"], rows)
    return Outcome(found)


def rotate(options: Options, screen: Screen) -> Outcome:
    """The new token is shown this once."""
    client, path = connect(options.connection), f"/v1/services/{part(options.service)}/token"
    made = client.call("POST", path, {"grace_s": options.grace})
    screen.say(f"token: {made['token']}  (shown this once; the old one is good until {made['old_valid_until']})")
    return Outcome(made)


def _changed(options: Options, screen: Screen, change: dict[str, object]) -> Outcome:
    service = connect(options.connection).call("PATCH", f"/v1/services/{part(options.service)}", change)
    told = f", stops when idle for {service['idle_timeout_s']} s" if service["idle_timeout_s"] else ""
    screen.say(f"{service['id']}  {service['status']}  until {service['stops_at']}{told}")
    return Outcome({k: service[k] for k in ("id", "status", "stops_at", "idle_timeout_s", "stop_reason")})
