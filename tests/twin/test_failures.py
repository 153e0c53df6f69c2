"""What goes wrong in life, and how it is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import Any

import psutil
import pytest

from droplearn.contracts.status import ServiceStatus
from tests.pictures import picture
from tests.twin.conftest import Learnt
from tests.twin.world import World, pictures


@pytest.fixture(scope="module", autouse=True)
def _its_minute_passes_beside_the_other_tests(short_service: dict[str, Any]) -> None:
    """Started before the first test of this file."""


def test_a_truncated_picture_is_left_out_and_reported(world: World):
    files = pictures(6) | {"circle/broken.jpg": picture("circle", 77)[:400]}
    world.drop("broken", "all", files)
    task = world.end_of_task(world.start_task("broken", "all"))
    assert task["status"] == "SUCCEEDED", task
    assert task["health"]["excluded_count"] == 1
    assert task["health"]["problems"][0]["path"] == "circle/broken.jpg"
    assert task["health"]["problems"][0]["code"] == "corrupt"
    assert world.find_dataset("broken", "all")["health"]["excluded_count"] == 1


@pytest.mark.parametrize(
    ("name", "files", "code"),
    [
        ("one-example", pictures(4) | {"triangle/1.jpg": picture("triangle", 1)}, "dataset.too_few_examples"),
        ("one-class", pictures(4, labels=("circle",)), "dataset.one_label"),
    ],
)
def test_a_task_fails_with_a_hint_when_its_labels_cannot_be_learnt(world: World, name: str, files: dict[str, bytes], code: str):
    world.drop("labels", name, files)
    task = world.end_of_task(world.start_task("labels", name))
    assert task["status"] == "FAILED"
    assert task["error"]["code"] == code
    assert task["error"]["hint"]


def test_a_task_fails_with_a_hint_when_its_dataset_was_emptied(world: World):
    files = pictures(2)
    world.drop("emptied", "all", files)
    for path in files:
        world.delete(f"emptied/all/{path}")
    world.wait(lambda: world.find_dataset("emptied", "all"), lambda d: d["object_count"] == 0)
    task = world.end_of_task(world.start_task("emptied", "all"))
    assert (task["status"], task["error"]["code"]) == ("FAILED", "dataset.empty")


def test_a_killed_training_fails_with_a_hint_and_resumes_on_restart(world: World, hard_dataset: tuple[str, str]):
    task_id = world.start_task(*hard_dataset, max_runtime_s=600, hyper_parameters={"epochs": 1})
    world.wait(lambda: has_model(world, task_id), bool)
    os.kill(training_process(world, task_id), signal.SIGKILL)
    task = world.end_of_task(task_id)
    assert task["status"] == "FAILED"
    assert task["error"]["code"] == "training.killed"
    assert "restart" in task["error"]["hint"].lower()
    assert world.ask("POST", f"/v1/tasks/{task_id}/restart")[0] == 202
    task = world.end_of_task(task_id)
    assert task["status"] == "SUCCEEDED", task
    assert task["attempt"] == 2
    messages = [line["message"] for line in world.client.pages(f"/v1/tasks/{task_id}/logs", "lines")]
    assert any("resum" in m for m in messages), "the second attempt goes on from the checkpoint"


def test_a_stop_keeps_the_best_model(world: World, hard_dataset: tuple[str, str]):
    task_id = world.start_task(*hard_dataset, max_runtime_s=600, hyper_parameters={"epochs": 1000})
    world.wait(lambda: has_model(world, task_id), bool)
    assert world.ask("POST", f"/v1/tasks/{task_id}/stop")[0] in (200, 202)
    task = world.end_of_task(task_id)
    assert task["status"] == "STOPPED_WITH_MODEL", task
    model = world.call("GET", f"/v1/models/{task['model']}")
    assert model["stop_reason"] == "stop_requested"


def test_a_role_without_a_permission_is_a_clear_failure_and_no_hang(world: World, learnt: Learnt, root: Any):
    iam = root("iam")
    role = next(r["RoleName"] for r in iam.list_roles()["Roles"] if "PlanTrainingRole" in r["RoleName"])
    policy = iam.list_role_policies(RoleName=role)["PolicyNames"][0]
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    without = document | {"Statement": [s for s in document["Statement"] if "dynamodb" not in str(s["Action"])]}

    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(without))
    try:
        task = world.end_of_task(world.start_task(learnt.project, learnt.dataset))
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
    assert task["status"] == "FAILED"
    assert task["error"]["code"] == "permission.missing"
    assert "dynamodb:" in task["error"]["message"]


def test_a_training_that_reaches_its_limit_keeps_its_model(world: World, slow_task: str):
    task = world.end_of_task(slow_task)
    assert task["status"] == "TIMED_OUT_WITH_MODEL", task
    assert task["model"]
    assert task["metrics"]["top1_accuracy"] > 0.4
    assert world.call("GET", f"/v1/models/{task['model']}")["stop_reason"] == "max_runtime"


def test_a_service_past_its_deadline_is_gone(world: World, short_service: dict[str, Any], root: Any):
    found = world.wait_service(short_service["id"], ServiceStatus.STOPPED)
    assert found["stop_reason"] == "deadline"
    assert short_service["id"] not in [e["EndpointName"] for e in root("sagemaker").list_endpoints()["Endpoints"]]


def has_model(world: World, task_id: str) -> bool:
    """The frozen model is saved, and fine-tuning has begun."""
    task = world.task(task_id)
    assert task["status"] in ("CREATED", "PREPARING", "TRAINING"), task
    messages = [line["message"] for line in world.client.pages(f"/v1/tasks/{task_id}/logs", "lines")]
    return any('"finetune"' in m for m in messages)


def training_process(world: World, task_id: str) -> int:
    """The python that trains: found by its command line and its environment, as `ps` would show it."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "trainer" in words and "guard" not in " ".join(words) and process.environ().get("TRAINING_JOB_NAME", "").startswith(task_id):
            return process.pid
    raise AssertionError(f"no training process of {task_id}: {subprocess.check_output(['ps', 'ax'], text=True)}; {time.ctime()}")
