"""`droplearn service events` and `monitor`: what happened, and what is answered."""

from __future__ import annotations

from collections.abc import Iterator

from droplearn.cli.connecting import connect
from droplearn.cli.deploying import usd
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.cli.words import Command, Options
from droplearn.client import Json, part


def add_watching(command: Command) -> None:
    """Their words."""
    events_words = command("events", events, "what happened to a service: when, what, and who asked for it")
    events_words.add_argument("service")
    monitor_words = command("monitor", monitor, "what a service costs and answers")
    monitor_words.add_argument("service")


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
            yield name, f"v{value}" if name == "version" and isinstance(value, int) else value


def monitor(options: Options, screen: Screen) -> Outcome:
    """What it costs, and what it answered in the last hour."""
    client, path = connect(options.connection), f"/v1/services/{part(options.service)}"
    found = {kind: client.call("GET", f"{path}/{kind}") for kind in ("cost", "instances", "metrics")}
    cost = found["cost"]
    hourly = f"{usd(cost['usd_per_hour'])} an hour, " if cost["usd_per_hour"] is not None or not cost["note"] else ""
    screen.say(f"{hourly}{usd(cost['usd_so_far'])} so far (prices as of {cost['prices_as_of']}) {cost['note']}".rstrip())
    rows = [[version["name"], *_sums(version["points"])] for version in found["metrics"]["versions"]]
    screen.table("last hour", ["version", "invocations", "4xx", "5xx", "ms"], rows)
    return Outcome(found)


def _sums(points: list[Json]) -> list[str]:
    """Of all periods; the latency is the mean of all that were timed."""
    counts = [f"{sum(point[name] for point in points):.0f}" for name in ("invocations", "errors_4xx", "errors_5xx")]
    timed = [(point["invocations"], point["latency_ms"]) for point in points if point["latency_ms"] is not None]
    calls = sum(count for count, _ in timed)
    return [*counts, f"{sum(count * ms for count, ms in timed) / calls:.1f}" if calls else ""]
