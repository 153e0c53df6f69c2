"""`droplearn preview`: a model on a phone."""

from __future__ import annotations

from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen, moment
from droplearn.cli.values import duration_s
from droplearn.cli.words import Command, Options
from droplearn.client import part


def add_preview(command: Command) -> None:
    """Its words."""
    parser = command("preview", preview, "show a QR code: a phone that scans it runs the model in its browser")
    parser.add_argument("model")
    parser.add_argument(
        "--valid-for", type=duration_s, default=3600, metavar="1h", help="how long the link opens (default: 1h, at most 7d)"
    )
    parser.add_argument("--list", action="store_true", help="show the links that still open instead of making one")
    parser.add_argument("--revoke", metavar="LINK", help="end this one instead: preview-...")


def preview(options: Options, screen: Screen) -> Outcome:
    """Makes a link and shows it; or lists those there are, or ends one."""
    client, base = connect(options.connection), f"/v1/models/{part(options.model)}/preview-links"
    if options.revoke:
        client.call("DELETE", f"/v1/preview-links/{part(options.revoke)}")
        screen.say(f"{options.revoke} opens nothing any more; a page that is open stays open")
    if options.list or options.revoke:
        found = list(client.pages(base, "preview_links"))
        screen.table("links", ["id", "made", "opens until"], [[link["id"], link["created_at"], link["valid_until"]] for link in found])
        return Outcome({"preview_links": found})
    made = client.call("POST", base, {"valid_for_s": options.valid_for})
    screen.qr_code(made["qr_text"])
    screen.say(made["url"])
    screen.say(f"opens until {moment(made['valid_until'])}; a phone needs https, so on one machine open it in a browser of this machine")
    return Outcome(made)
