"""`droplearn preview`: a model on a phone."""

from __future__ import annotations

from droplearn.cli.commands import Options
from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.client import part


def preview(options: Options, screen: Screen) -> Outcome:
    """Makes a link and shows it."""
    client = connect(options.connection)
    made = client.call("POST", f"/v1/models/{part(options.model)}/preview-links", {"valid_for_s": options.valid_for})
    screen.say(made["qr_text"])
    screen.say(made["url"])
    screen.say(f"opens until {made['valid_until']}; a phone needs https, so on one machine open it in a browser of this machine")
    return Outcome(made)
