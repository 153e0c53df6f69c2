"""`droplearn stop` and `restart`: of a task, a service or a batch job."""

from __future__ import annotations

from typing import Any

from droplearn.cli import batch, training
from droplearn.cli.connecting import connect
from droplearn.cli.looking import KINDS
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.cli.words import Command, Options
from droplearn.client import part, wait_until
from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.status import BatchStatus, ServiceStatus, TaskStatus

_STATES: dict[str, Any] = {"task": TaskStatus, "service": ServiceStatus, "batch": BatchStatus}


def add_stops(command: Command) -> None:
    """Their words."""
    ending = command("stop", stop, "stop a task (its best model is kept), a service (its endpoint is deleted) or a batch job")
    ending.add_argument("id")
    ending.add_argument("--wait", action="store_true", help="until it has stopped")
    again = command("restart", restart, "start a failed or stopped task or batch job again; it goes on where it was")
    again.add_argument("id")
    again.add_argument("--wait", action="store_true", help="until it is done")


def stop(options: Options, screen: Screen) -> Outcome:
    """A task, a service or a batch job."""
    client = connect(options.connection)
    kind = options.id.split("-", 1)[0]
    if kind not in _STATES:
        raise InvalidRequest(
            "stop.unknown_kind", f"{options.id!r} cannot be stopped.", hint="Ids of what can begin with task-, service- or batch-."
        )
    found = client.call("POST", f"/v1/{KINDS[kind]}/{part(options.id)}/stop")
    states = _STATES[kind]
    if options.wait:
        found = wait_until(lambda: client.call("GET", f"/v1/{KINDS[kind]}/{part(options.id)}"), lambda f: states(f["status"]).is_terminal)
    screen.say(f"{options.id}  {found['status']}")
    return Outcome({"id": options.id, "status": found["status"]})


def restart(options: Options, screen: Screen) -> Outcome:
    """A new attempt of the same task or batch job."""
    if options.id.split("-", 1)[0] in KINDS.keys() - {"task", "batch"}:
        raise InvalidRequest(
            "restart.unknown_kind",
            f"{options.id!r} cannot be started again.",
            hint="Tasks and batch jobs can; a service is deployed anew, an evaluation is asked for anew.",
        )
    restarted = batch.restart if options.id.startswith("batch-") else training.restart
    return restarted(connect(options.connection), options, screen)
