"""A model over a prefix and over a dataset: transform jobs by a real server process, results, summary, failures, metrics, stop."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from droplearn.cli.main import main
from droplearn.contracts.s3_layout import result_key, results_prefix
from droplearn.contracts.status import BatchStatus
from tests.pictures import picture
from tests.twin.conftest import Learnt
from tests.twin.world import World

ODD = "圆 形+1.jpg"


def start(world: World, learnt: Learnt, **fields: Any) -> str:
    return str(world.call("POST", f"/v1/projects/{learnt.project}/batch-jobs", {"model": learnt.model} | fields)["id"])


def end_of(world: World, batch_id: str) -> dict[str, Any]:
    look = lambda: world.call("GET", f"/v1/batch-jobs/{batch_id}")  # noqa: E731
    return world.wait(look, lambda job: BatchStatus(job["status"]).is_terminal, 60)


@pytest.fixture(scope="module")
def inbox(world: World, learnt: Learnt) -> str:
    files = {
        ODD: picture("circle", 300),
        "deep/square.png": picture("square", 301, kind="PNG"),
        "broken.jpg": picture("circle", 302)[:300],
        ".hidden.jpg": picture("circle", 303),
        "notes.txt": b"no picture",
    }
    for path, body in files.items():
        world.put(f"{learnt.project}/inbox/{path}", body)
    return f"{learnt.project}/inbox/"


def test_every_object_below_a_prefix_gets_a_result_and_what_cannot_be_read_fails_alone(
    world: World, learnt: Learnt, inbox: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = ["batch", learnt.model, "--prefix", inbox, "--option", "top=1", "--summary", "both", "--output", str(tmp_path), "--json"]
    assert main([*words, "--connection", str(world.state / "connection.json")]) == 0
    told = json.loads(capsys.readouterr().out)
    report = told["report"]
    assert (told["status"], report["input_count"], report["answered_count"], report["failed_count"]) == ("SUCCEEDED", 3, 2, 1)
    assert report["skipped_counts"] == {"hidden_file": 1, "not_an_image": 1}
    assert [(row["file"], row["error"]) for row in told["failures"]] == [(f"{inbox}broken.jpg", "1002 IMAGE_DECODE_ERROR")]
    assert told["failures"][0]["detail"]

    answer = json.loads((tmp_path / f"{inbox}{ODD}.json").read_text())
    assert answer["result"]["output"][0]["body"][0]["label"] == "circle"
    assert len(answer["result"]["output"][0]["body"]) == 1, "the option reached the server"
    rows = list(csv.DictReader((tmp_path / "summary.csv").read_text(encoding="utf-8-sig").splitlines()))
    assert {row["file"].removeprefix(inbox): (row["label"], row["error"]) for row in rows} == {
        ODD: ("circle", ""),
        "deep/square.png": ("square", ""),
        "broken.jpg": ("", "1002 IMAGE_DECODE_ERROR"),
    }
    typed = pyarrow.parquet.read_table(tmp_path / "summary.parquet").to_pylist()
    assert {row["file"]: row["label"] for row in typed} == {row["file"]: row["label"] or None for row in rows}
    assert world.call("GET", f"/v1/batch-jobs/{told['batch_job']}")["skipped_counts"] == report["skipped_counts"]


def test_a_labelled_dataset_gives_metrics_part_by_part(world: World, learnt: Learnt, root: Any):
    job = end_of(world, start(world, learnt, dataset=learnt.dataset, objects_per_transform=9))
    assert job["status"] == "SUCCEEDED", job
    assert job["done_count"] == job["input_count"] == job["report"]["scored_count"] == 16
    assert job["report"]["metrics"]["top1_accuracy"] >= 0.9
    page = world.call("GET", f"/v1/batch-jobs/{job['id']}/results", limit=10)
    rest = world.call("GET", f"/v1/batch-jobs/{job['id']}/results", limit=10, cursor=page["next_cursor"])
    assert (len(page["rows"]), len(rest["rows"]), rest["next_cursor"]) == (10, 6, None)
    assert page["rows"][0]["true_label"] == "circle"
    assert json.loads(world.client.fetch(page["rows"][0]["result_url"]))["success"] is True
    assert job["transform_job"].endswith("-c2-t1")
    assert root("sagemaker").list_models()["Models"] == [] or job["id"] not in str(root("sagemaker").list_models()["Models"])


def test_a_stopped_batch_job_is_summarised_and_goes_on_where_it_was(world: World, learnt: Learnt, inbox: str, root: Any):
    batch_id = start(world, learnt, prefix=inbox, objects_per_transform=1)
    world.wait(lambda: world.call("GET", f"/v1/batch-jobs/{batch_id}"), lambda job: (job["done_count"] or 0) >= 1, 40)
    assert world.ask("POST", f"/v1/batch-jobs/{batch_id}/stop")[0] == 202
    assert world.ask("POST", f"/v1/batch-jobs/{batch_id}/stop")[0] == 202, "a double click is harmless"
    job = end_of(world, batch_id)
    assert job["status"] == "STOPPED", job
    assert job["report"]["failure_counts"]["no_answer"] >= 1
    listing = root("s3").list_objects_v2(Bucket=world.connection.artifact_bucket, Prefix=results_prefix(batch_id))["Contents"]
    kept = {found["Key"]: found["LastModified"] for found in listing if found["Key"].endswith(".out")}
    assert kept

    assert world.ask("POST", f"/v1/batch-jobs/{batch_id}/restart")[0] == 202
    job = end_of(world, batch_id)
    assert (job["status"], job["attempt"], job["report"]["failure_counts"]) == ("SUCCEEDED", 2, {"1002 IMAGE_DECODE_ERROR": 1})
    again = root("s3").list_objects_v2(Bucket=world.connection.artifact_bucket, Prefix=results_prefix(batch_id))["Contents"]
    assert {f["Key"]: f["LastModified"] for f in again if f["Key"] in kept} == kept, "what had a result was not sent again"
    assert result_key(batch_id, f"{inbox}{ODD}") in {f["Key"] for f in again}


def test_a_batch_job_needs_a_prefix_of_its_own_project_and_something_to_answer_about(world: World, learnt: Learnt):
    status, body = world.ask("POST", f"/v1/projects/{learnt.project}/batch-jobs", {"model": learnt.model, "prefix": "elsewhere/"})
    assert (status, body["error"]["code"]) == (400, "batch.foreign_prefix")
    job = end_of(world, start(world, learnt, prefix=f"{learnt.project}/nothing/"))
    assert (job["status"], job["error"]["code"]) == ("FAILED", "batch.no_input")
