"""`droplearn train`: a task, from its settings to its end."""

from __future__ import annotations

from droplearn.cli.connecting import connect
from droplearn.cli.deploying import usd
from droplearn.cli.outcome import Outcome
from droplearn.cli.screen import Screen
from droplearn.cli.showing import show_evaluation, show_metrics, show_task, show_variants
from droplearn.cli.values import duration_s, option
from droplearn.cli.words import Command, Options, add_place
from droplearn.client import Client, Json, part, wait_until
from droplearn.contracts.ids import check_name
from droplearn.contracts.status import TaskStatus


def add_train(command: Command) -> None:
    """Its words."""
    parser = command("train", train, "train a model on a dataset")
    add_place(parser)
    parser.add_argument("--preset", choices=["high_performance", "high_accuracy"], help="default: high_performance")
    parser.add_argument("--max-runtime", type=duration_s, metavar="10m", help="default: 1h; the best model by then is kept")
    parser.add_argument("--expected-accuracy", type=float, metavar="0.95", help="stop as soon as it is reached")
    parser.add_argument("--target", metavar="COLUMN", help="what to predict from the others (tables; default: the last column)")
    parser.add_argument("--metric", metavar="NAME", help="what to optimise (tables)")
    parser.add_argument("--option", action="append", type=option, metavar="NAME=VALUE", help="a setting of this scenario; see its README")
    parser.add_argument("--label", action="append", help="train on this label (may be given again)")
    parser.add_argument("--base-model", metavar="MODEL", help="continue from this model")
    parser.add_argument("--test-fraction", type=float, metavar="0.2", help="keep this share away from the training and evaluate on it")
    parser.add_argument("--validation-fraction", type=float, metavar="0.15", help="measure each epoch on this share (default: 0.15)")
    parser.add_argument("--epochs", type=int, metavar="N", help="default: by the recipe, like the next four")
    parser.add_argument("--learning-rate", type=float, metavar="0.001")
    parser.add_argument("--batch-size", type=int, metavar="32")
    parser.add_argument("--warmup-epochs", type=float, metavar="1")
    parser.add_argument("--seed", type=int, metavar="N")
    parser.add_argument("--instance-type", metavar="ml.m5.xlarge", help="what it is trained on")
    parser.add_argument("--instance-count", type=int, metavar="N", help="of them (default: 1)")
    parser.add_argument("--optimise", action="append", choices=["int8", "fp16"], help="also make this variant (may be given again)")
    parser.add_argument("--estimate", action="store_true", help="say what it would cost at the most, and make nothing")
    parser.add_argument("--wait", action="store_true", help="until it is trained and evaluated")


def train(options: Options, screen: Screen) -> Outcome:
    """Start a task; with --wait follow it to its end."""
    client = connect(options.connection)
    body = {"dataset": options.dataset, "settings": _settings(options)}
    path = f"/v1/projects/{part(check_name(options.project, 'project'))}/tasks"
    if options.estimate:
        return _estimate(client.call("POST", f"{path}/estimate", body), screen)
    task = client.call("POST", path, body)
    return _told(client, options, screen, task)


def restart(client: Client, options: Options, screen: Screen) -> Outcome:
    """A new attempt."""
    return _told(client, options, screen, client.call("POST", f"/v1/tasks/{part(options.id)}/restart"))


def _estimate(found: Json, screen: Screen) -> Outcome:
    for name in ("training", "afterwards"):
        job = found[name]
        screen.say(f"{name}: {job['instances']} x {job['instance_type']} for {job['max_runtime_s'] / 60:g} min: {usd(job['usd_at_most'])}")
    screen.say(f"at the most: {usd(found['usd_at_most'])}\nprices as of {found['prices_as_of']}: {found['prices_source']}")
    return Outcome(found)


def _told(client: Client, options: Options, screen: Screen, task: Json) -> Outcome:
    if options.wait:
        return _follow(client, screen, task["id"])
    screen.say(f"{task['id']} {task['status']}")
    return Outcome({"task": task["id"], "status": task["status"]})


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


def _follow(client: Client, screen: Screen, task_id: str) -> Outcome:
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
    if not screen.is_json:
        _show_what_was_measured(client, screen, task)
    document = {"task": task["id"], "status": task["status"], "model": task.get("model"), "metrics": task.get("metrics") or {}}
    document |= {k: task[k] for k in ("evaluation", "error", "warnings") if task.get(k)}
    return Outcome(document, TaskStatus(task["status"]).has_model)


def _show_what_was_measured(client: Client, screen: Screen, task: Json) -> None:
    if task.get("model"):
        show_variants(screen, client.call("GET", f"/v1/models/{part(task['model'])}")["optimisation"])
    if task.get("evaluation") and task.get("metrics"):
        show_evaluation(client, screen, client.call("GET", f"/v1/evaluations/{part(task['evaluation'])}"))
    else:
        show_metrics(screen, task.get("metrics"))


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
