"""`droplearn preview`: a model on a phone."""

from __future__ import annotations

from droplearn.cli.commands import Options
from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.client import part


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
    screen.say(made["qr_text"])
    screen.say(made["url"])
    screen.say(f"opens until {made['valid_until']}; a phone needs https, so on one machine open it in a browser of this machine")
    return Outcome(made)
