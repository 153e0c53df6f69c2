"""`droplearn delete`: of a model, for good."""

from __future__ import annotations

import sys

from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.cli.words import Command, Options
from droplearn.client import Client, Json, part, wait_until
from droplearn.contracts.errors import InvalidRequest, NotFound

WAITED_S = 300.0


def add_delete(command: Command) -> None:
    """Its words."""
    parser = command("delete", delete, "delete a model, with its evaluations, trials and links to its preview")
    parser.add_argument("id", help="model-...")
    parser.add_argument("--yes", action="store_true", help="do not ask; needed where nobody can be asked")


def delete(options: Options, screen: Screen) -> Outcome:
    """Asks, then waits until it is gone."""
    if not options.id.startswith("model-"):
        raise InvalidRequest("delete.unknown_kind", f"{options.id!r} cannot be deleted.", hint="Ids of models begin with model-.")
    client, path = connect(options.connection), f"/v1/models/{part(options.id)}"
    found = client.call("GET", path)
    if not (options.yes or _is_wanted(f"Delete {options.id} ({found['project']} #{found['number']}) and all that belongs to it?", screen)):
        screen.say("Nothing was deleted.")
        return Outcome({"id": options.id, "is_deleted": False}, is_success=False)
    client.call("DELETE", path)
    wait_until(lambda: _state(client, path), lambda state: bool(state["is_gone"]), limit_s=WAITED_S)
    screen.say(f"{options.id}  deleted")
    return Outcome({"id": options.id, "is_deleted": True})


def _is_wanted(question: str, screen: Screen) -> bool:
    """Raises InvalidRequest (`delete.not_confirmed`)."""
    if screen.is_json or not sys.stdin.isatty():
        raise InvalidRequest("delete.not_confirmed", "What is deleted cannot be brought back.", hint="Add --yes if that is what you want.")
    screen.say(f"{question} It cannot be brought back. [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _state(client: Client, path: str) -> Json:
    try:
        return client.call("GET", path) | {"is_gone": False}
    except NotFound:
        return {"is_gone": True}
