"""`droplearn evaluate`: a model measured on a dataset."""

from __future__ import annotations

from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.cli.showing import show_error, show_evaluation
from droplearn.cli.words import Command, Options
from droplearn.client import Json, part, wait_until
from droplearn.contracts.status import EvaluationStatus


def add_evaluate(command: Command) -> None:
    """Its words."""
    parser = command("evaluate", evaluate, "measure a model on a dataset")
    parser.add_argument("model")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--project", help="the dataset's project (default: the model's)")
    parser.add_argument("--wait", action="store_true", help="until it is done")


def evaluate(options: Options, screen: Screen) -> Outcome:
    """On any dataset whose labels the model knows."""
    client = connect(options.connection)
    body = {"dataset": options.dataset} | ({"project": options.project} if options.project else {})
    made = client.call("POST", f"/v1/models/{part(options.model)}/evaluations", body)
    if not options.wait:
        screen.say(f"{made['id']} {made['status']}")
        return Outcome({"evaluation": made["id"], "status": made["status"]})

    def look() -> Json:
        found = client.call("GET", f"/v1/evaluations/{part(made['id'])}")
        screen.progress(f"evaluation {found['status'].lower()}")
        return found

    done = wait_until(look, lambda e: EvaluationStatus(e["status"]).is_terminal)
    screen.say(f"{done['id']}  {done['status']}")
    show_error(screen, done)
    if not screen.is_json:
        show_evaluation(client, screen, done)
    document = {"evaluation": done["id"], "status": done["status"], "metrics": done.get("metrics") or {}}
    document |= {k: done[k] for k in ("example_count", "bad_case_count", "protocol", "error") if done.get(k) is not None}
    return Outcome(document, done["status"] == EvaluationStatus.SUCCEEDED)
