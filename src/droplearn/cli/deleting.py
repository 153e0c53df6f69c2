"""`droplearn delete`: of a model or a project, for good."""

from __future__ import annotations

import sys

from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.cli.words import Command, Options
from droplearn.client import Client, Json, part, wait_until
from droplearn.contracts.errors import Conflict, InvalidRequest, NotFound
from droplearn.contracts.ids import is_name

MODEL_S, PROJECT_S = 300.0, 3600.0
"""How long it is waited for."""


def add_delete(command: Command) -> None:
    """Its words."""
    text = "delete a model, or a project with all that droplearn keeps of it; what was dropped stays in the bucket"
    parser = command("delete", delete, text)
    parser.add_argument("id", help="model-..., or a project's name")
    parser.add_argument("--yes", action="store_true", help="do not ask; needed where nobody can be asked")
    parser.add_argument("--wait", action="store_true", help="until the project is gone, which takes some minutes (a model: always)")


def delete(options: Options, screen: Screen) -> Outcome:
    """Asks first."""
    is_model = options.id.startswith("model-") and not is_name(options.id)
    if not is_model and not is_name(options.id):
        hint = "Models have ids that begin with model-; projects have names."
        raise InvalidRequest("delete.unknown_kind", f"{options.id!r} cannot be deleted.", hint=hint)
    client = connect(options.connection)
    return _delete_model(client, options, screen) if is_model else _delete_project(client, options, screen)


def _delete_model(client: Client, options: Options, screen: Screen) -> Outcome:
    path = f"/v1/models/{part(options.id)}"
    found = client.call("GET", path)
    question = f"Delete {options.id} ({found['project']} #{found['number']}) and all that belongs to it? It cannot be brought back. [y/N]"
    if not options.yes and _answer(question, screen).lower() not in ("y", "yes"):
        return _nothing(options, screen)
    client.call("DELETE", path)
    wait_until(lambda: _look(client, path), lambda found: not found, limit_s=MODEL_S)
    return _deleted(options, screen)


def _delete_project(client: Client, options: Options, screen: Screen) -> Outcome:
    path = f"/v1/projects/{part(options.id)}"
    client.call("GET", path)
    question = f"Everything but what was dropped will be gone for good. To delete the project type its name, {options.id}:"
    if not options.yes and _answer(question, screen) != options.id:
        return _nothing(options, screen)
    client.call("DELETE", path, confirm=options.id)
    if not options.wait:
        screen.say(f"{options.id}  is being deleted: `droplearn status {options.id}` shows it until it is gone, in some minutes")
        return Outcome({"id": options.id, "is_deleted": False, "is_being_deleted": True})
    found = wait_until(lambda: _look(client, path), lambda found: not found.get("deleting_since"), limit_s=PROJECT_S)
    if found:
        told = found.get("deletion_problem") or "Somebody has made a new project of this name."
        raise Conflict("project.in_use", told, hint="Look at it with `droplearn status`.")
    return _deleted(options, screen)


def _answer(question: str, screen: Screen) -> str:
    """Raises InvalidRequest (`delete.not_confirmed`)."""
    if screen.is_json or not sys.stdin.isatty():
        raise InvalidRequest("delete.not_confirmed", "What is deleted cannot be brought back.", hint="Add --yes if that is what you want.")
    screen.say(question)
    return sys.stdin.readline().strip()


def _look(client: Client, path: str) -> Json:
    """Nothing: it is gone."""
    try:
        return client.call("GET", path)
    except NotFound:
        return {}


def _deleted(options: Options, screen: Screen) -> Outcome:
    screen.say(f"{options.id}  deleted")
    return Outcome({"id": options.id, "is_deleted": True})


def _nothing(options: Options, screen: Screen) -> Outcome:
    screen.say("Nothing was deleted.")
    return Outcome({"id": options.id, "is_deleted": False}, is_success=False)
