"""`droplearn drop`: a folder becomes a dataset."""

from __future__ import annotations

from pathlib import Path

from droplearn.cli.connecting import connect
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.cli.words import Command, Options, add_place
from droplearn.client import Json, part, wait_until
from droplearn.contracts.errors import InvalidRequest, NotFound
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
    _show_dataset(screen, found)
    document = {"project": project, "dataset": dataset, "uploaded": sent} | {k: found[k] for k in _COUNTS}
    return Outcome(document)


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
