"""Key fields of receipts as a user does it: drop, train, evaluate, deploy, ask, stop."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from droplearn.contracts.prediction import PredictionSuccess
from droplearn.contracts.status import ServiceStatus
from droplearn.scenarios.ocr.sample import write_sample
from tests.twin.world import World

PROJECT = "receipts"


def sample_files(folder: Path, **how: Any) -> dict[str, bytes]:
    write_sample(folder, **how)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture(scope="module")
def receipts(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A project with a trained model: its task."""
    world.call("POST", "/v1/projects", {"name": PROJECT, "scenario": "ocr"})
    world.drop(PROJECT, "pages", sample_files(tmp_path_factory.mktemp("receipts"), count=8))
    task = world.end_of_task(world.start_task(PROJECT, "pages", validation_fraction=0.3))
    assert task["status"] == "SUCCEEDED", task
    return task


def test_receipts_are_learnt_and_their_fields_evaluated(world: World, receipts: dict[str, Any]):
    assert receipts["metrics"]["line_accuracy"] > 0.9
    assert "field_macro_f1" in receipts["metrics"]
    report = world.call("GET", f"/v1/evaluations/{receipts['evaluation']}/report")
    assert set(report["details"]["fields"]) == {"address", "company", "date", "total"}
    assert "precision" in report["details"]["fields"]["date"]


def test_a_service_gives_fields_lines_and_typed_keys_until_it_is_stopped(
    world: World, receipts: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
):
    service = world.deploy(PROJECT, receipts["model"], max_runtime_s=600)
    page = sample_files(tmp_path_factory.mktemp("new"), seed=3, count=1)
    raw = world.client.predict(service["url"], service["token"], page["page-00.jpg"], "image/jpeg")
    body = PredictionSuccess.model_validate(raw).result.output[0].body
    lines = [entry.label for entry in body if entry.model_extra == {"kind": "line"} or (entry.model_extra or {}).get("kind") == "line"]
    assert any("Total" in line for line in lines)

    form = {"dataArray": [{"body": base64.b64encode(page["page-00.jpg"]).decode()}]}
    asked = world.client.predict(f"{service['url']}?keys=Date&pos=pixels", service["token"], json.dumps(form).encode(), "application/json")
    entry = asked["result"]["output"][0]["body"][0]
    assert entry["label"] == json.loads(page["page-00.json"])["date"]
    assert max(max(point) for point in entry["pos"]) > 1

    bad = world.client.predict(service["url"], service["token"], b"\xff\xd8\xff cut", "image/jpeg")
    assert bad["errorCode"] == "1002"
    assert world.ask("POST", f"/v1/services/{service['id']}/stop")[0] in (200, 202)
    world.wait_service(service["id"], ServiceStatus.STOPPED)


def test_pages_without_text_fail_with_a_hint(world: World, tmp_path_factory: pytest.TempPathFactory):
    files = sample_files(tmp_path_factory.mktemp("bare"), count=4, form="lines")
    bare = {name: b"<annotation/>" if name.endswith(".xml") else content for name, content in files.items()}
    world.call("POST", "/v1/projects", {"name": "bare", "scenario": "ocr"})
    world.drop("bare", "pages", bare)
    task = world.end_of_task(world.start_task("bare", "pages"))
    assert (task["status"], task["error"]["code"]) == ("FAILED", "dataset.empty")
    assert task["error"]["hint"]


def test_too_few_pages_fail_with_a_hint(world: World, tmp_path_factory: pytest.TempPathFactory):
    world.call("POST", "/v1/projects", {"name": "few", "scenario": "ocr"})
    world.drop("few", "pages", sample_files(tmp_path_factory.mktemp("few"), count=2))
    task = world.end_of_task(world.start_task("few", "pages"))
    assert (task["status"], task["error"]["code"]) == ("FAILED", "dataset.too_few_examples")
