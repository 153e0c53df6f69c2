"""Tabular prediction as a user does it: drop a table, train, evaluate, deploy, ask; and tables that nothing can be learnt from."""

from __future__ import annotations

import base64
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from droplearn.contracts.status import ServiceStatus
from droplearn.scenarios.tabular_prediction.sample import write_sample
from tests.twin.world import World

PROJECT = "customers"


def sample_table(folder: Path, **how: Any) -> bytes:
    write_sample(folder, **how)
    return (folder / "customers.csv").read_bytes()


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return sample_table(tmp_path_factory.mktemp("customers"), rows=100)


@pytest.fixture(scope="module")
def learnt(world: World, text: bytes) -> dict[str, Any]:
    """The task of a project whose scenario is inferred from its first drop."""
    world.drop(PROJECT, "left", {"customers.csv": text})
    task = world.end_of_task(world.start_task(PROJECT, "left", hyper_parameters={"epochs": 1}, options={"target": "left"}))
    assert task["status"] == "SUCCEEDED", task
    return task


def test_a_dropped_table_is_learnt_and_evaluated_on_what_was_held_out(world: World, learnt: dict[str, Any]):
    assert world.call("GET", f"/v1/projects/{PROJECT}")["scenario"] == "tabular_prediction"
    assert learnt["metrics"].keys() == {"roc_auc", "log_loss", "accuracy", "macro_f1"}
    assert learnt["metrics"]["roc_auc"] > 0.7
    evaluation = world.call("GET", f"/v1/evaluations/{learnt['evaluation']}")
    assert (evaluation["protocol"], evaluation["example_count"]) == ("cross_validation", 100)
    report = world.call("GET", f"/v1/evaluations/{learnt['evaluation']}/report")
    assert "values are words" in report["details"]["problem_reason"]
    assert report["details"]["importance"]["columns"]


def test_a_service_answers_csv_and_json_rows_until_it_is_stopped(world: World, learnt: dict[str, Any], text: bytes):
    service = world.deploy(PROJECT, learnt["model"], max_runtime_s=600)
    two = b"".join(text.splitlines(keepends=True)[:3])
    rows = list(csv.DictReader(io.StringIO(two.decode())))
    formal = {"dataArray": [{"name": "rows", "type": "stream", "body": base64.b64encode(two).decode()}]}

    def ask(body: bytes, media_type: str) -> dict[str, Any]:
        return world.client.predict(service["url"], service["token"], body, media_type)

    answers = [
        ask(two, "text/csv"),
        ask(json.dumps({"rows": rows}).encode(), "application/json"),
        ask(json.dumps(formal).encode(), "application/json"),
    ]
    assert answers[0] == answers[1] == answers[2]
    result = answers[0]["result"]
    assert result["meta"] == {"rows": 2}
    assert result["output"][0]["type"] == "table_common"
    assert all(entry["label"] in ("yes", "no") for entry in result["output"][0]["body"])
    wrong = ask(json.dumps({"rows": [{"age": 3}]}).encode(), "application/json")
    assert (wrong["success"], wrong["errorCode"]) == (False, "1001")
    world.call("POST", f"/v1/services/{service['id']}/stop")
    world.wait_service(service["id"], ServiceStatus.STOPPED)


@pytest.mark.parametrize(
    ("table", "options", "code"),
    [
        (b"a,b\n" + b"1,x\n2,x\n" * 20, {}, "dataset.one_label"),
        (b"a,b\n1,x\n2,y\n", {}, "dataset.too_few_examples"),
        (b"\x00\x01\x02", {}, "dataset.unreadable_table"),
    ],
)
def test_a_table_that_nothing_can_be_learnt_from_fails_with_a_hint(world: World, table: bytes, options: dict[str, Any], code: str):
    dataset = code.partition(".")[2].replace("_", "-")
    world.call("POST", "/v1/projects", {"name": f"bad-{dataset}", "scenario": "tabular_prediction"})
    world.drop(f"bad-{dataset}", dataset, {"table.csv": table})
    task = world.end_of_task(world.start_task(f"bad-{dataset}", dataset, options=options))
    assert (task["status"], task["error"]["code"]) == ("FAILED", code), task
    assert task["error"]["hint"]


def test_a_target_that_the_table_does_not_have_is_told_before_a_job_is_paid_for(world: World, learnt: dict[str, Any], root: Any):
    task = world.end_of_task(world.start_task(PROJECT, "left", options={"target": "price"}))
    assert (task["status"], task["error"]["code"]) == ("FAILED", "option.unknown_column"), task
    assert "left" in task["error"]["hint"]
    jobs = root("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    assert not [job for job in jobs if job["TrainingJobName"].startswith(task["id"])]


def test_an_unknown_option_is_refused_before_anything_is_started(world: World, learnt: dict[str, Any]):
    body = {"dataset": "left", "settings": {"options": {"targett": "left"}}}
    status, answer = world.ask("POST", f"/v1/projects/{PROJECT}/tasks", body)
    assert (status, answer["error"]["code"]) == (400, "option.unknown")
    assert "target" in answer["error"]["hint"]
