"""Seconds from the last byte dropped to the first answer, stage by stage.

`python -m benchmarks.main_job FOLDER [--repeat 3]`: FOLDER holds one folder per label.
Each repeat starts a twin on an empty state, since a second run in the same twin would find warm Lambdas. There is no peer that
can be run on one machine: the table shows stages instead.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from droplearn.client import Client, part, wait_until
from droplearn.contracts.status import ServiceStatus, TaskStatus
from twin.running import running_twin


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--max-runtime", type=int, default=3600)
    given = options.parse_args()
    runs = []
    for number in range(given.repeat):
        with tempfile.TemporaryDirectory() as folder, running_twin(Path(folder) / "state") as twin:
            runs.append(one_run(Client(twin.connection), given.folder, given.max_runtime))
        print(f"run {number + 1}: " + ", ".join(f"{k} {v:.2f}" for k, v in runs[-1].items()), flush=True)
    print(f"\n{'stage':34}{'median':>9}{'least':>9}{'most':>9}")
    for stage in runs[0]:
        values = [run[stage] for run in runs]
        print(f"{stage:34}{statistics.median(values):9.2f}{min(values):9.2f}{max(values):9.2f}")


def one_run(client: Client, folder: Path, max_runtime_s: int) -> dict[str, float]:
    count = client.drop(folder, "bench", "photos")
    begin = time.monotonic()
    stages: dict[str, float] = {}

    def mark(stage: str) -> None:
        stages[stage] = time.monotonic() - begin

    dataset = "/v1/projects/bench/datasets/photos"
    wait_until(lambda: found_or_empty(client, dataset), lambda d: d["object_count"] >= count, every_s=0.05)
    mark("indexed, s")
    task = client.call("POST", "/v1/projects/bench/tasks", {"dataset": "photos", "settings": {"max_runtime_s": max_runtime_s}})
    mark("task asked for, s")
    task = wait_until(lambda: client.call("GET", f"/v1/tasks/{task['id']}"), lambda t: t["status"] == "EVALUATING" or over(t), every_s=0.1)
    mark("model registered, s")
    task = wait_until(lambda: client.call("GET", f"/v1/tasks/{task['id']}"), over, every_s=0.1)
    assert TaskStatus(task["status"]).has_model, task
    mark("evaluated, s")
    service = client.call("POST", f"/v1/projects/{part('bench')}/services", {"model": task["model"]})
    look = f"/v1/services/{service['id']}"
    wait_until(lambda: client.call("GET", look), lambda s: s["status"] not in (ServiceStatus.CREATED, ServiceStatus.STARTING), every_s=0.1)
    mark("service runs, s")
    picture = next(path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith("."))
    answer = client.predict(service["url"], service["token"], picture.read_bytes(), "application/octet-stream")
    assert answer["success"], answer
    mark("first answer, s")
    stages["estimated accuracy"] = task["metrics"]["top1_accuracy"]
    return stages


def over(task: dict[str, Any]) -> bool:
    return TaskStatus(task["status"]).is_terminal


def found_or_empty(client: Client, path: str) -> dict[str, Any]:
    from droplearn.contracts.errors import NotFound

    try:
        return client.call("GET", path)
    except NotFound:
        return {"object_count": 0}


if __name__ == "__main__":
    main()
