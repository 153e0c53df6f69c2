"""`droplearn status`, `logs` and `models`: what there is."""

from __future__ import annotations

from operator import itemgetter

from droplearn.cli.budgeting import budget_of, show_budget_line
from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.predictions import number
from droplearn.cli.screen import Screen
from droplearn.cli.showing import show_base_model, show_metrics, show_task, show_variants
from droplearn.cli.words import Command, Options
from droplearn.client import Client, Json, part
from droplearn.contracts.errors import InvalidRequest
from droplearn.scenarios import scenario_named

KINDS = {"task": "tasks", "eval": "evaluations", "model": "models", "service": "services", "batch": "batch-jobs"}
"""The beginning of an id, and the API's word."""


def add_looks(command: Command) -> None:
    """Their words."""
    one = command("status", status, "show projects, or one task, evaluation, model, service or batch job")
    one.add_argument("id", nargs="?", help="task-..., eval-..., model-..., service-..., batch-..., or a project")
    said = command("logs", logs, "print what a task's training said, or a service's servers")
    said.add_argument("id", help="task-... or service-...")
    said.add_argument("--metrics", action="store_true", help="the metrics of each epoch of a task instead of the lines")
    listed = command("models", models, "list models, newest first")
    listed.add_argument("--project", help="of this project only")


def status(options: Options, screen: Screen) -> Outcome:
    """One thing by its id, one project, or everything in a few lines."""
    client = connect(options.connection)
    if options.id is None:
        return _overview(client, screen)
    kind = options.id.split("-", 1)[0]
    if kind in KINDS and len(options.id) > 20:
        found = client.call("GET", f"/v1/{KINDS[kind]}/{part(options.id)}")
        _show_found(screen, kind, found)
        return Outcome(found)
    project = client.call("GET", f"/v1/projects/{part(options.id)}")
    return Outcome(_show_project(client, screen, project))


def _show_found(screen: Screen, kind: str, found: Json) -> None:
    if kind == "task":
        show_task(screen, found)
    else:
        screen.table(found["id"], ["", ""], [[k, v] for k, v in found.items() if not isinstance(v, dict | list) and v is not None])
    show_base_model(screen, found.get("base_model"))
    show_variants(screen, found.get("optimisation"))
    show_metrics(screen, found.get("metrics"))


def _overview(client: Client, screen: Screen) -> Outcome:
    projects = [_show_project(client, screen, p) for p in client.pages("/v1/projects", "projects")]
    if not projects:
        screen.say("No project yet: droplearn drop FOLDER --project P --dataset D")
    return Outcome({"projects": projects})


def _show_project(client: Client, screen: Screen, project: Json) -> Json:
    base = f"/v1/projects/{part(project['name'])}"
    document = project | {kind: list(client.pages(f"{base}/{kind}", kind)) for kind in ("datasets", "tasks", "services")}
    document["budget"] = budget_of(client, project)
    fate = ", being deleted" if project.get("deleting_since") else ""
    screen.say(f"{project['name']}: {project['scenario'] or 'scenario not known yet'}{fate}")
    if document["budget"]:
        show_budget_line(screen, document["budget"])
    screen.table("datasets", ["name", "objects"], [[d["name"], d["object_count"]] for d in document["datasets"]])
    screen.table("tasks", ["id", "dataset", "status"], [[t["id"], t["dataset"], t["status"]] for t in document["tasks"]])
    screen.table("services", ["id", "model", "status"], [[s["id"], s["model"], s["status"]] for s in document["services"]])
    return document


def logs(options: Options, screen: Screen) -> Outcome:
    """The lines of a training job, or its metrics; or those of a service's servers."""
    client = connect(options.connection)
    kind = "service" if options.id.startswith("service-") else "task"
    if options.metrics and kind == "service":
        raise InvalidRequest("logs.no_metrics", "A service has no epochs.", hint="See `droplearn service monitor`.")
    base = f"/v1/{KINDS[kind]}/{part(options.id)}"
    if options.metrics:
        found = client.call("GET", f"{base}/metrics")
        names = sorted({k for line in found["metrics"] for k in line} - {"event", "stage", "epoch", "epochs", "elapsed_s"})
        rows = [[m["stage"], f"{m['epoch']}/{m['epochs']}", *(number(m.get(n)) for n in names)] for m in found["metrics"]]
        screen.table("metrics", ["stage", "epoch", *names], rows)
        return Outcome(found)
    lines = list(client.pages(f"{base}/logs", "lines"))
    for line in lines:
        screen.say(line["message"])
    return Outcome({kind: options.id, "lines": lines})


def newest_first(client: Client, project: str | None, nouns: str) -> list[Json]:
    """Of one project, or of all."""
    projects = [project] if project else [p["name"] for p in client.pages("/v1/projects", "projects")]
    found = [one for name in projects for one in client.pages(f"/v1/projects/{part(name)}/{nouns}", nouns)]
    return sorted(found, key=itemgetter("created_at"), reverse=True)


def models(options: Options, screen: Screen) -> Outcome:
    """Of one project, or of all."""
    client = connect(options.connection)
    found = newest_first(client, options.project, "models")
    rows = [[m["id"], f"{m['project']} #{m['number']}", m["dataset"], _score(m), m["created_at"]] for m in found]
    screen.table("models", ["id", "model", "dataset", "score", "created"], rows)
    return Outcome({"models": found})


def _score(model: Json) -> str:
    """In its scenario's primary metric."""
    name = scenario_named(model["scenario"]).spec.primary_metric
    value = (model.get("metrics") or {}).get(name)
    return "" if value is None else f"{name} {value:.4f}"
