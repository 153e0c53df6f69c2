"""`droplearn service publish`, `traffic` and `versions`: other models behind the same service."""

from __future__ import annotations

from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.cli.values import duration_s, share
from droplearn.cli.words import Command, Options, add_accept_fall, add_variant
from droplearn.client import Json, part, wait_until

_ALIKE = ("model", "share", "variant", "instance_type", "instance_count", "accept_fall")
"""Options that the API calls the same."""


def add_versions(command: Command) -> None:
    """Their words."""
    publish_words = command("publish", publish, "a new version: another model in the place of the old, or beside it")
    publish_words.add_argument("service")
    publish_words.add_argument("model")
    publish_words.add_argument("--share", type=float, metavar="0.3", help="of the traffic; the old versions keep the rest (default: all)")
    canary_help = "this share first; then all, or back when it errs or is slow (not of recommendations)"
    publish_words.add_argument("--canary", type=float, metavar="0.1", help=canary_help)
    publish_words.add_argument("--watch", type=duration_s, metavar="10m", help="how long a canary is watched (default: 10m)")
    add_variant(publish_words)
    add_accept_fall(publish_words)
    publish_words.add_argument("--instance-type", metavar="ml.c5.large", help="what answers (default: as the service began)")
    publish_words.add_argument("--instance-count", type=int, metavar="N", help="of them (default: as the service began)")
    publish_words.add_argument("--wait", action="store_true", help="until it is done")
    traffic_words = command("traffic", traffic, "split the traffic among the versions that are live")
    traffic_words.add_argument("service")
    traffic_words.add_argument(
        "--share", action="append", type=share, metavar="v2=0.3", required=True, help="given for each that is to stay; the others go"
    )
    traffic_words.add_argument("--wait", action="store_true", help="until it is done")
    versions_words = command("versions", versions, "a service's versions and update records")
    versions_words.add_argument("service")


def publish(options: Options, screen: Screen) -> Outcome:
    """A new version of a service that runs; it answers all the time."""
    client, path = connect(options.connection), f"/v1/services/{part(options.service)}"
    body: dict[str, object] = {name: value for name in _ALIKE if (value := getattr(options, name)) is not None}
    if options.canary is not None:
        body["canary"] = {"share": options.canary} | ({"duration_s": options.watch} if options.watch else {})
    update = client.call("POST", f"{path}/versions", body)
    if options.wait:
        update = _end_of_update(options, screen, update)
    screen.say(f"{update['id']}  {update['outcome']}  {update['message']}".rstrip())
    return Outcome(update, update["outcome"] in ("in_progress", "done"))


def traffic(options: Options, screen: Screen) -> Outcome:
    """Shares by version; those not named go."""
    shares = dict(options.share)
    update = connect(options.connection).call("PUT", f"/v1/services/{part(options.service)}/traffic", {"shares": shares})
    if options.wait:
        update = _end_of_update(options, screen, update)
    screen.say(f"{update['id']}  {update['outcome']}")
    return Outcome(update, update["outcome"] in ("in_progress", "done"))


def _end_of_update(options: Options, screen: Screen, begun: Json) -> Json:
    client, path = connect(options.connection), f"/v1/services/{part(options.service)}/updates"

    def look() -> Json:
        found = next((u for u in client.pages(path, "updates") if u["id"] == begun["id"]), begun)  # a listing may be a second behind
        screen.progress(f"update {found['phase']}")
        return found

    return wait_until(look, lambda u: u["outcome"] != "in_progress")


def versions(options: Options, screen: Screen) -> Outcome:
    """Versions with their share, and what was changed."""
    client, path = connect(options.connection), f"/v1/services/{part(options.service)}"
    found = {kind: list(client.pages(f"{path}/{kind}", kind)) for kind in ("versions", "updates")}
    rows = [[v["model"], v["name"], v["variant"], f"{v['share']:.0%}", v["created_at"]] for v in found["versions"]]
    screen.table("versions", ["model", "version", "variant", "share", "since"], rows)
    told = [[u["at"], u["kind"], u["outcome"].replace("_", " "), u["message"]] for u in found["updates"]]
    screen.table("updates", ["at", "what", "outcome", ""], told)
    return Outcome(found)
