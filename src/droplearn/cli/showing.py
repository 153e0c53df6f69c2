"""What several commands show of tasks and evaluations."""

from __future__ import annotations

from droplearn.cli.screen import Screen
from droplearn.client import Json


def show_task(screen: Screen, task: Json) -> None:
    """With its model and metrics, as far as there are any."""
    screen.say(f"{task['id']}  {task['status']}")
    show_error(screen, task)
    for warning in task.get("warnings") or []:
        screen.say(f"note: {warning}")
    if task.get("model"):
        screen.say(f"model: {task['model']}")
    show_metrics(screen, task.get("metrics"))


def show_metrics(screen: Screen, metrics: Json | None) -> None:
    """Of an evaluation."""
    if metrics:
        screen.table("evaluation", ["metric", "value"], [[name, f"{value:.4f}"] for name, value in metrics.items()])


def show_error(screen: Screen, thing: Json) -> None:
    """Why it failed, if it did."""
    if error := thing.get("error"):
        screen.say(f"{error['message']} {error.get('hint', '')}")
