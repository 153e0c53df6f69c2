"""What each command does. Every function takes (options, screen) and returns an Outcome."""

from __future__ import annotations

import argparse
import os
import sys
from operator import itemgetter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from droplearn.cli import batch
from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.predictions import number as _number
from droplearn.cli.predictions import rows_of
from droplearn.cli.screen import Screen
from droplearn.cli.showing import show_dataset, show_evaluation, show_metrics, show_task, show_variants
from droplearn.client import Client, Json, part, wait_until
from droplearn.contracts.errors import InvalidRequest, NotFound
from droplearn.contracts.ids import check_name
from droplearn.contracts.status import BatchStatus, EvaluationStatus, ServiceStatus, TaskStatus
from droplearn.scenarios import scenario_named

Options = argparse.Namespace


# ---- up ------------------------------------------------------------------------------------------------------------
def up(options: Options, _screen: Screen) -> Outcome:
    """Becomes the twin: does not return."""
    root = Path(__file__).resolve().parents[3]
    if not (root / "twin").is_dir():
        raise NotFound(
            "up.no_checkout",
            "`droplearn up` needs a checkout of the repository.",
            hint="Clone it, run `make setup`, and call .venv/bin/droplearn up there.",
        )
    words = [sys.executable, "-m", "twin", "--state", str(options.state.resolve())]
    words += ["--port", str(options.port)] if options.port else []
    words += ["--json"] if options.json else []
    path = os.pathsep.join([str(root), str(root / "src"), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    os.execve(sys.executable, words, os.environ | {"PYTHONPATH": path})  # noqa: S606 (no shell: an argument list)


# ---- drop ----------------------------------------------------------------------------------------------------------
def drop(options: Options, screen: Screen) -> Outcome:
    """Upload, then wait until as many objects are indexed as lie below the prefix."""
    client = connect(options.connection)
    project, dataset = check_name(options.project, "project"), check_name(options.dataset, "dataset")
    if not options.folder.is_dir():
        raise InvalidRequest("drop.no_folder", f"{options.folder} is not a folder.", hint="Name a folder with one folder per label.")
    sent = client.drop(options.folder, project, dataset, options.scenario, lambda done, total: screen.progress("uploading", done, total))
    wanted = client.dropped_count(project, dataset)

    def indexed() -> Json:
        try:
            found = client.call("GET", f"/v1/projects/{part(project)}/datasets/{part(dataset)}")
        except NotFound:
            return {"object_count": 0}
        screen.progress("indexing", found["object_count"], wanted)
        return found

    found = wait_until(indexed, lambda d: d["object_count"] >= wanted, every_s=0.3, limit_s=120 + 0.05 * wanted)
    show_dataset(screen, found)
    document = {"project": project, "dataset": dataset, "uploaded": sent} | {k: found[k] for k in _COUNTS}
    return Outcome(document)


_COUNTS = ("scenario", "object_count", "label_counts", "unlabelled_count", "skipped_counts")


# ---- train ---------------------------------------------------------------------------------------------------------
def train(options: Options, screen: Screen) -> Outcome:
    """Start a task; with --wait follow it to its end."""
    client = connect(options.connection)
    body = {"dataset": options.dataset, "settings": _settings(options)}
    task = client.call("POST", f"/v1/projects/{part(check_name(options.project, 'project'))}/tasks", body)
    if not options.wait:
        screen.say(f"{task['id']} {task['status']}")
        return Outcome({"task": task["id"], "status": task["status"]})
    return _follow_task(client, screen, task["id"])


def restart(options: Options, screen: Screen) -> Outcome:
    """A new attempt of the same task or batch job."""
    client = connect(options.connection)
    if options.id.startswith("batch-"):
        return batch.restart(client, options, screen)
    if options.id.split("-", 1)[0] in _KINDS.keys() - {"task"}:
        raise InvalidRequest(
            "restart.unknown_kind",
            f"{options.id!r} cannot be started again.",
            hint="Tasks and batch jobs can; a service is deployed anew, an evaluation is asked for anew.",
        )
    task = client.call("POST", f"/v1/tasks/{part(options.id)}/restart")
    if not options.wait:
        screen.say(f"{task['id']} {task['status']}")
        return Outcome({"task": task["id"], "status": task["status"]})
    return _follow_task(client, screen, task["id"])


def _settings(options: Options) -> Json:
    given = {
        "preset": options.preset,
        "max_runtime_s": options.max_runtime,
        "expected_accuracy": options.expected_accuracy,
        "labels": options.label,
        "base_model": options.base_model,
        "test_fraction": options.test_fraction,
        "validation_fraction": options.validation_fraction,
        "seed": options.seed,
        "options": dict(options.option or []) | _given(options, "target", "metric"),
        "hyper_parameters": _given(options, "epochs", "learning_rate", "batch_size", "warmup_epochs"),
        "resources": _given(options, "instance_type", "instance_count"),
        "optimise": {"variants": options.optimise} if options.optimise else {},
    }
    return {k: v for k, v in given.items() if v not in (None, {})}


def _given(options: Options, *names: str) -> Json:
    return {name: getattr(options, name) for name in names if getattr(options, name) is not None}


def _follow_task(client: Client, screen: Screen, task_id: str) -> Outcome:
    def look() -> Json:
        found = client.call("GET", f"/v1/tasks/{part(task_id)}")
        if found["status"] in (TaskStatus.TRAINING, TaskStatus.OPTIMISING):
            _show_progress(client, screen, task_id, found["status"].lower())
        else:
            screen.progress(found["status"].lower().replace("_", " "))
        return found

    screen.progress(task_id)
    task = wait_until(look, lambda t: TaskStatus(t["status"]).is_terminal)
    show_task(screen, task)
    if task.get("model") and not screen.is_json:
        show_variants(screen, client.call("GET", f"/v1/models/{part(task['model'])}")["optimisation"])
    if task.get("evaluation") and task.get("metrics") and not screen.is_json:
        show_evaluation(client, screen, client.call("GET", f"/v1/evaluations/{part(task['evaluation'])}"))
    else:
        show_metrics(screen, task.get("metrics"))
    document = {"task": task["id"], "status": task["status"], "model": task.get("model"), "metrics": task.get("metrics") or {}}
    document |= {k: task[k] for k in ("evaluation", "error", "warnings") if task.get(k)}
    return Outcome(document, TaskStatus(task["status"]).has_model)


def _show_progress(client: Client, screen: Screen, task_id: str, state: str) -> None:
    found = client.call("GET", f"/v1/tasks/{part(task_id)}/metrics")
    progress, lines = found.get("progress"), found.get("metrics") or []
    if progress and (not lines or progress["stage"] != lines[-1]["stage"]):
        screen.progress(f"{state}: {progress['stage']}", progress["done"], progress["total"])
    elif lines and state == "training":
        last = lines[-1]
        valid = {name: value for name, value in last.items() if name.startswith("valid_") and not name.endswith("loss")}
        told = "".join(f", {name} {value:.3f}" for name, value in [*valid.items()][:1])
        screen.progress(f"training: {last['stage']}{told}", last["epoch"], last["epochs"])
    else:
        screen.progress(state)


# ---- status, logs, models --------------------------------------------------------------------------------------------
_KINDS = {"task": "tasks", "eval": "evaluations", "model": "models", "service": "services", "batch": "batch-jobs"}


def status(options: Options, screen: Screen) -> Outcome:
    """One thing by its id, one project, or everything in a few lines."""
    client = connect(options.connection)
    if options.id is None:
        return _overview(client, screen)
    kind = options.id.split("-", 1)[0]
    if kind in _KINDS and len(options.id) > 20:
        found = client.call("GET", f"/v1/{_KINDS[kind]}/{part(options.id)}")
        _show_found(screen, kind, found)
        return Outcome(found)
    project = client.call("GET", f"/v1/projects/{part(options.id)}")
    return Outcome(_show_project(client, screen, project))


def _show_found(screen: Screen, kind: str, found: Json) -> None:
    if kind == "task":
        show_task(screen, found)
    else:
        screen.table(found["id"], ["", ""], [[k, v] for k, v in found.items() if not isinstance(v, dict | list) and v is not None])
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
    screen.say(f"{project['name']}: {project['scenario'] or 'scenario not known yet'}")
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
    base = f"/v1/{_KINDS[kind]}/{part(options.id)}"
    if options.metrics:
        found = client.call("GET", f"{base}/metrics")
        names = sorted({k for line in found["metrics"] for k in line} - {"event", "stage", "epoch", "epochs", "elapsed_s"})
        rows = [[m["stage"], f"{m['epoch']}/{m['epochs']}", *(_number(m.get(n)) for n in names)] for m in found["metrics"]]
        screen.table("metrics", ["stage", "epoch", *names], rows)
        return Outcome(found)
    lines = list(client.pages(f"{base}/logs", "lines"))
    for line in lines:
        screen.say(line["message"])
    return Outcome({kind: options.id, "lines": lines})


def models(options: Options, screen: Screen) -> Outcome:
    """Of one project, or of all."""
    client = connect(options.connection)
    projects = [options.project] if options.project else [p["name"] for p in client.pages("/v1/projects", "projects")]
    found = [m for p in projects for m in client.pages(f"/v1/projects/{part(p)}/models", "models")]
    found.sort(key=itemgetter("created_at"), reverse=True)
    rows = [[m["id"], f"{m['project']} #{m['number']}", m["dataset"], _score(m), m["created_at"]] for m in found]
    screen.table("models", ["id", "model", "dataset", "score", "created"], rows)
    return Outcome({"models": found})


def _score(model: Json) -> str:
    """In its scenario's primary metric."""
    name = scenario_named(model["scenario"]).spec.primary_metric
    value = (model.get("metrics") or {}).get(name)
    return "" if value is None else f"{name} {value:.4f}"


# ---- evaluate, predict, stop -----------------------------------------------------------------------------------------
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
    if error := done.get("error"):
        screen.say(f"{error['message']} {error.get('hint', '')}")
    if not screen.is_json:
        show_evaluation(client, screen, done)
    document = {"evaluation": done["id"], "status": done["status"], "metrics": done.get("metrics") or {}}
    document |= {k: done[k] for k in ("example_count", "bad_case_count", "protocol", "error") if done.get(k) is not None}
    return Outcome(document, done["status"] == EvaluationStatus.SUCCEEDED)


def predict(options: Options, screen: Screen) -> Outcome:
    """Each file by itself; the exit status is 0 when every answer is a success."""
    client = connect(options.connection)
    url = client.call("GET", f"/v1/services/{part(options.service)}")["url"]
    token = options.token or client.connection.admin_token or ""
    query = f"?{urlencode({'details': 'true'} | dict(options.option or ()))}"
    answers: list[Json] = []
    for done, file in enumerate(options.file, 1):
        if not file.is_file():
            raise InvalidRequest("predict.no_file", f"{file} is not a file.", hint="Name files to ask about.")
        kind = "application/json" if file.suffix == ".json" else "application/octet-stream"
        answer = client.predict(url + query, token, file.read_bytes(), kind)
        answers.append({"file": str(file), "response": answer})
        screen.progress("predicting", done, len(options.file))
    rows = [row for answer in answers for row in rows_of(answer["file"], answer["response"])]
    screen.table("predictions", ["file", "answer", "confidence"], rows)
    return Outcome(answers, all(a["response"].get("success", True) for a in answers))


_STATES: dict[str, Any] = {"task": TaskStatus, "service": ServiceStatus, "batch": BatchStatus}


def stop(options: Options, screen: Screen) -> Outcome:
    """A task, a service or a batch job."""
    client = connect(options.connection)
    kind = options.id.split("-", 1)[0]
    if kind not in _STATES:
        raise InvalidRequest(
            "stop.unknown_kind", f"{options.id!r} cannot be stopped.", hint="Ids of what can begin with task-, service- or batch-."
        )
    found = client.call("POST", f"/v1/{_KINDS[kind]}/{part(options.id)}/stop")
    states = _STATES[kind]
    if options.wait:
        found = wait_until(lambda: client.call("GET", f"/v1/{_KINDS[kind]}/{part(options.id)}"), lambda f: states(f["status"]).is_terminal)
    screen.say(f"{options.id}  {found['status']}")
    return Outcome({"id": options.id, "status": found["status"]})
