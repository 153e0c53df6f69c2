"""`droplearn service rotate-token`."""

from __future__ import annotations

from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.cli.values import duration_s
from droplearn.cli.words import Command, Options
from droplearn.client import part


def add_rotate(command: Command) -> None:
    """Its words."""
    parser = command("rotate-token", rotate, "a new token; the old one ends")
    parser.add_argument("service")
    parser.add_argument("--grace", type=duration_s, default=0, metavar="1h", help="the old one is good for so long still (default: 0)")


def rotate(options: Options, screen: Screen) -> Outcome:
    """The new token is shown this once."""
    client, path = connect(options.connection), f"/v1/services/{part(options.service)}/token"
    made = client.call("POST", path, {"grace_s": options.grace})
    screen.say(f"token: {made['token']}  (shown this once; the old one is good until {made['old_valid_until']})")
    return Outcome(made)
