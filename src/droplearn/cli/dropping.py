"""`droplearn drop`: a folder becomes a dataset."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.cli.words import Command, Options, add_place
from droplearn.client import Client, Json, part, wait_until
from droplearn.contracts.errors import Conflict, InvalidRequest, NotFound
from droplearn.contracts.ids import check_name
from droplearn.scenarios import SCENARIOS, scenario_named


def add_drop(command: Command) -> None:
    """Its words."""
    parser = command("drop", drop, "upload a folder and wait until it is indexed")
    parser.add_argument("folder", type=Path, help="a folder with one folder per label, annotated pictures, or tables")
    add_place(parser)
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), help="what is to be learnt (else droplearn.yaml, else inferred)")


def drop(options: Options, screen: Screen) -> Outcome:
    """Upload, then wait until as many objects are indexed as lie below the prefix."""
    client = connect(options.connection)
    project, dataset = check_name(options.project, "project"), check_name(options.dataset, "dataset")
    if not options.folder.is_dir():
        raise InvalidRequest("drop.no_folder", f"{options.folder} is not a folder.", hint="Name a folder with one folder per label.")
    _check_open(client, project)
    unindexed = _unindexed(client, options.folder, project, dataset)
    sent = client.drop(options.folder, project, dataset, options.scenario, lambda done, total: screen.progress("uploading", done, total))
    wanted = _count(client.dropped_paths(project, dataset)) - unindexed

    def indexed() -> Json:
        found = _look(client, project, dataset)
        screen.progress("indexing", found["object_count"], wanted)
        return found

    found = wait_until(indexed, lambda d: d["object_count"] >= wanted, every_s=0.3, limit_s=120 + 0.05 * wanted)
    _show_dataset(screen, found)
    document = {"project": project, "dataset": dataset, "uploaded": sent} | {k: found[k] for k in _COUNTS}
    return Outcome(document)


def _check_open(client: Client, project: str) -> None:
    """What is dropped into a project that is being deleted waits for longer than anybody here.

    Raises Conflict (`project.being_deleted`).
    """
    try:
        is_closed = client.call("GET", f"/v1/projects/{part(project)}").get("deleting_since")
    except NotFound:
        return
    if is_closed:
        hint = f"Wait until `droplearn status {project}` does not know it any more; what is dropped then makes a new one."
        raise Conflict("project.being_deleted", f"Project {project!r} is being deleted.", hint=hint)


def _unindexed(client: Client, folder: Path, project: str, dataset: str) -> int:
    """How many objects lie there that this drop will not index: those that outlived a project of this name. Not counted are those that
    are uploaded again. What others have dropped a moment ago looks the same, and is not waited for.
    """
    known = _look(client, project, dataset)["object_count"]
    ours = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    there = others = 0
    for path in client.dropped_paths(project, dataset):
        there, others = there + 1, others + (path not in ours)
    return min(max(0, there - known), others)


def _look(client: Client, project: str, dataset: str) -> Json:
    try:
        return client.call("GET", f"/v1/projects/{part(project)}/datasets/{part(dataset)}")
    except NotFound:
        return {"object_count": 0}


def _count(paths: Iterable[str]) -> int:
    return sum(1 for _ in paths)


_COUNTS = ("scenario", "object_count", "label_counts", "unlabelled_count", "skipped_counts")


def _show_dataset(screen: Screen, dataset: Json) -> None:
    """Examples by label; what was skipped, and why."""
    title = f"{dataset['project']}/{dataset['name']}"
    if dataset["label_counts"]:
        screen.table(title, ["label", "examples"], sorted(dataset["label_counts"].items()))
    else:
        screen.say(f"{title}: {dataset['object_count']} object{'s' if dataset['object_count'] != 1 else ''}")
    if _is_read_later(dataset["scenario"]):
        screen.say("What is annotated is read when a task or an evaluation starts.")
    elif dataset["unlabelled_count"]:
        screen.say(f"unlabelled: {dataset['unlabelled_count']}")
    for reason, count in dataset["skipped_counts"].items():
        screen.say(f"skipped, {reason.replace('_', ' ')}: {count}")
    if problem := dataset.get("config_problem"):
        screen.say(f"droplearn.yaml was not taken over: {problem['message']} {problem['hint']}")


def _is_read_later(scenario: str | None) -> bool:
    """Whether annotations stand in files of their own, which no index reads."""
    return scenario is not None and scenario_named(scenario).spec.labels_from == "annotations"
