"""What several commands show of tasks, models and evaluations."""

from __future__ import annotations

from droplearn.cli.predictions import number
from droplearn.cli.screen import Screen
from droplearn.client import Client, Json, part
from droplearn.contracts.errors import NotFound


def show_task(screen: Screen, task: Json) -> None:
    """With its model, if it has one."""
    screen.say(f"{task['id']}  {task['status']}")
    show_error(screen, task)
    for warning in task.get("warnings") or []:
        screen.say(f"note: {warning}")
    if task.get("model"):
        screen.say(f"model: {task['model']}")


def show_evaluation(client: Client, screen: Screen, evaluation: Json) -> None:
    """What it is made of, and each metric with its interval."""
    if (count := evaluation.get("example_count")) is not None:
        protocol = (evaluation["protocol"] or "").replace("_", " ")
        told = [f"{count} examples", f"{evaluation['bad_case_count'] or 0} bad cases", protocol]
        told += [f"{evaluation['skipped_count']} could not be scored"] if evaluation["skipped_count"] else []
        screen.say(", ".join(filter(None, told)))
    for warning in evaluation["warnings"]:
        screen.say(f"note: {warning}")
    show_metrics(screen, evaluation["metrics"], _intervals(client, evaluation))


def show_metrics(screen: Screen, metrics: Json | None, intervals: Json | None = None) -> None:
    """intervals: of 95 %, by metric."""
    if metrics:
        found = intervals or {}
        rows = [[name, number(value), " to ".join(map(number, found.get(name, ())))] for name, value in metrics.items()]
        columns = ["metric", "value", "95 % interval"]
        screen.table("evaluation", *((columns, rows) if found else (columns[:2], [row[:2] for row in rows])))


def _intervals(client: Client, evaluation: Json) -> Json:
    """None where there is no report."""
    if not evaluation["metrics"]:
        return {}
    try:
        found: Json = client.call("GET", f"/v1/evaluations/{part(evaluation['id'])}/report").get("intervals") or {}
    except NotFound:
        return {}
    return found


def show_base_model(screen: Screen, found: Json | None) -> None:
    """What it continued, and what both know of the same old examples."""
    if not found:
        return
    before, after = number(found["accuracy_before"]), number(found["accuracy_after"])
    fall = "; it has fallen: only --accept-fall puts it into use" if found["has_fallen"] else ""
    screen.say(f"base model {found['model_id']}: {found['metric']} of {found['example_count']} old examples {before}, now {after}{fall}")


def show_variants(screen: Screen, optimisation: Json | None) -> None:
    """What an optimisation measured, and what came of it; why it failed, if it did."""
    if not optimisation:
        return
    show_error(screen, optimisation)
    if not (base := optimisation.get("baseline")):
        return
    rows = [["fp32", *_measured(base), "as it was trained"]]
    for variant in optimisation["variants"]:
        verdict = "published" if variant["is_published"] else "kept aside"
        rows.append([variant["name"], *_measured(variant.get("measured")), f"{verdict}: {variant['reason']}"])
    screen.table("variants", ["variant", "MB", "ms", "MB of memory", optimisation["metric"], ""], rows)
    for warning in optimisation.get("warnings") or []:
        screen.say(f"note: {warning}")


def _measured(found: Json | None) -> list[str]:
    if not found:
        return [""] * 4
    memory = found.get("memory_mb")
    return [
        f"{found['size_bytes'] / 1e6:.1f}",
        f"{found['latency_ms']:.1f}",
        "" if memory is None else f"{memory:.0f}",
        number(found["metric"]),
    ]


def show_error(screen: Screen, thing: Json) -> None:
    """Why it failed, if it did."""
    if error := thing.get("error"):
        screen.say(f"{error['message']} {error.get('hint', '')}".rstrip())
