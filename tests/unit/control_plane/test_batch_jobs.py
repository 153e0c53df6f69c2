"""Start, plan, settle, stop and restart batch jobs, on fakes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.capacity import CapacityPolicy
from chalicelib.domain.transform import MIB, chunk_size, load_for
from chalicelib.ports import TransformJob
from chalicelib.service.batch_jobs import BatchOrder, create_batch_job, restart_batch_job, stop_batch_job
from chalicelib.service.batch_plan import plan_batch
from chalicelib.service.batch_transform import Transformed, settle_transform
from chalicelib.service.settling import parse_execution_name, record_failure, settle_ended_execution
from droplearn.contracts.errors import Conflict, InvalidDataset, InvalidRequest, TransientError, UnsupportedScenario
from droplearn.contracts.s3_layout import result_key
from tests.fakes import FakePlatform
from tests.unit.control_plane.things import DATASET, PROJECT, a_model, a_platform

PREFIX = f"{PROJECT}/inbox/"


def a_batch(platform: FakePlatform, **fields: Any) -> Any:
    model = a_model(platform)
    source = {} if "prefix" in fields else {"dataset": DATASET}
    return create_batch_job(platform, BatchOrder(project=PROJECT, model=model.id, **(source | fields)))


def planned(platform: FakePlatform, **fields: Any) -> tuple[Any, dict[str, Any]]:
    """A batch job that PlanBatch has planned, and its state."""
    batch = a_batch(platform, **fields)
    platform.batch_jobs.change(batch.id, {"status": "PREPARING"})
    return batch, plan_batch(platform, batch.id, batch.attempt)


def manifest(platform: FakePlatform, uri: str) -> list[Any]:
    return json.loads(platform.artifacts.objects[uri.removeprefix("s3://artifacts/")])


def running(platform: FakePlatform, batch: Any, work: dict[str, Any], status: str, reason: str = "") -> Transformed:
    """The transform job of `work` has ended so."""
    platform.batch_jobs.change(batch.id, {"status": "RUNNING", "transform_job": work["job"]}, only_if={"status": ["PREPARING", "RUNNING"]})
    platform.transform_jobs.known[work["job"]] = TransformJob(work["job"], status, reason)
    return Transformed(batch.id, batch.attempt, work["chunk"], work["try"], work["job"], work["ends_at"])


def test_a_dataset_is_read_in_place_with_its_labels():
    platform = a_platform({"cat": 3, "dog": 2})
    batch, plan = planned(platform)
    head, *keys = manifest(platform, plan["work"]["manifest_uri"])
    assert head == {"prefix": "s3://data/"}
    assert keys == [f"{PROJECT}/{DATASET}/{path}" for path in ("cat/0.jpg", "cat/1.jpg", "cat/2.jpg", "dog/0.jpg", "dog/1.jpg")]
    lines = platform.artifacts.objects[f"batch/{batch.id}/a1/inputs.jsonl"].splitlines()
    assert json.loads(lines[-1]) == {"key": f"{PROJECT}/{DATASET}/dog/1.jpg", "size_bytes": 7, "label": "dog"}
    assert platform.batch_jobs.get(batch.id).input_count == 5
    assert plan["output_uri"] == f"s3://artifacts/infer-result-{batch.id}"
    assert platform.executions.started == [("batch", f"{batch.id}-a1", {"batch_id": batch.id, "attempt": 1})]


def test_what_is_no_input_is_counted_and_keys_stay_as_they_are():
    platform = a_platform()
    for name in ("圆 形+1.jpg", ".hidden.jpg", "a//b.jpg", "notes.txt"):
        platform.dropped.objects[PREFIX + name] = b"x"
    platform.dropped.objects[PREFIX + "empty.jpg"] = b""
    batch, plan = planned(platform, prefix=PREFIX, options={"top": "3"})
    assert manifest(platform, plan["work"]["manifest_uri"])[1:] == [PREFIX + "圆 形+1.jpg"]
    told = platform.batch_jobs.get(batch.id)
    assert told.skipped_counts == {"hidden_file": 1, "bad_path": 1, "not_an_image": 1, "empty_file": 1}
    assert plan["environment"]["SERVER_OPTIONS"] == "top=3"


def test_nothing_to_answer_about_is_an_error_that_says_what_there_was():
    platform = a_platform()
    platform.dropped.objects[PREFIX + "notes.txt"] = b"x"
    with pytest.raises(InvalidDataset, match="not_an_image 1"):
        planned(platform, prefix=PREFIX)


@pytest.mark.parametrize(
    ("fields", "error", "code"),
    [
        ({"prefix": "elsewhere/"}, InvalidRequest, "batch.foreign_prefix"),
        ({"prefix": PROJECT}, InvalidRequest, "batch.foreign_prefix"),
        ({"prefix": PREFIX, "dataset": DATASET}, InvalidRequest, "batch.no_source"),
        ({"dataset": None}, InvalidRequest, "batch.no_source"),
    ],
)
def test_a_batch_job_has_one_source_in_its_own_project(fields: dict[str, Any], error: type[Exception], code: str):
    with pytest.raises(error, match=code):
        a_batch(a_platform(), **fields)


def test_a_model_that_answers_from_tables_is_refused():
    platform = a_platform()
    model = a_model(platform, scenario="recommendation")
    with pytest.raises(UnsupportedScenario, match=r"batch\.not_supported"):
        create_batch_job(platform, BatchOrder(project=PROJECT, model=model.id, dataset=DATASET))


def test_the_same_request_twice_makes_one_batch_job():
    platform = a_platform()
    assert a_batch(platform, request_key="k").id == a_batch(platform, request_key="k").id
    assert len(platform.executions.started) == 1


def test_large_batches_are_cut_into_parts_and_large_objects_are_sent_one_by_one():
    assert [chunk_size(n, None) for n in (10, 10_000, 400_000, 10**6, 2 * 10**6)] == [10_000, 10_000, 20_000, 50_000, 100_000]
    assert chunk_size(10**6, 7) == 7
    assert load_for(100_000) == (6, 16)
    assert load_for(30 * MIB) == (31, 3)
    assert load_for(99 * MIB) == (100, 1)


def test_each_transform_job_is_followed_by_the_next_until_all_is_done():
    platform = a_platform({"cat": 3})
    batch, plan = planned(platform, objects_per_transform=2)
    first = settle_transform(platform, running(platform, batch, plan["work"], "Completed"), CapacityPolicy())
    assert (first["outcome"], first["work"]["job"]) == ("next", f"{batch.id}-a1-c2-t1")
    assert platform.batch_jobs.get(batch.id).done_count == 2
    last = settle_transform(platform, running(platform, batch, first["work"], "Completed"), CapacityPolicy())
    assert last == {"outcome": "finished", "status": "SUCCEEDED"}
    assert platform.batch_jobs.get(batch.id).done_count == 3


def test_a_transform_job_that_failed_about_one_object_does_not_fail_the_batch_job():
    platform = a_platform({"cat": 3})
    batch, plan = planned(platform)
    ended = running(platform, batch, plan["work"], "Failed", "ClientError: See job logs")
    assert settle_transform(platform, ended, CapacityPolicy())["status"] == "FAILED", "not one answer"
    key = result_key(batch.id, f"{PROJECT}/{DATASET}/cat/1.jpg")
    platform.artifacts.write(key, b"{}")
    assert settle_transform(platform, ended, CapacityPolicy())["status"] == "SUCCEEDED"


def test_no_instance_queues_the_batch_job_and_its_time_does_not_run():
    platform = a_platform({"cat": 3})
    batch, plan = planned(platform)
    refused = Transformed(batch.id, 1, 1, 1, plan["work"]["job"], plan["work"]["ends_at"], "SageMaker.ResourceLimitExceededException", "no")
    told = settle_transform(platform, refused, CapacityPolicy(), chance=0.0)
    assert (told["outcome"], told["wait_s"], told["work"]["job"]) == ("capacity", 30, f"{batch.id}-a1-c1-t2")
    assert told["work"]["ends_at"] == plan["work"]["ends_at"] + 30
    platform.pass_time(25 * 3600)
    assert settle_transform(platform, refused, CapacityPolicy(), chance=0.0)["status"] == "FAILED"
    assert platform.batch_jobs.get(batch.id).error["code"] == "capacity.unavailable"


def test_a_job_that_is_out_of_time_is_stopped_and_then_counts_as_timed_out():
    platform = a_platform({"cat": 3})
    batch, plan = planned(platform)
    ended = running(platform, batch, plan["work"], "InProgress")
    with pytest.raises(TransientError, match=r"batch\.not_over"):
        settle_transform(platform, ended, CapacityPolicy())
    assert platform.transform_jobs.stopped == [ended.job]
    platform.transform_jobs.known[ended.job] = TransformJob(ended.job, "Stopped")
    platform.pass_time(batch.max_runtime_s)
    assert settle_transform(platform, ended, CapacityPolicy())["status"] == "TIMED_OUT"


def test_a_stop_before_anything_runs_ends_it_at_once_and_later_it_stops_the_transform_job():
    platform = a_platform({"cat": 3})
    assert stop_batch_job(platform, a_batch(platform).id).status == "STOPPED"
    batch, plan = planned(platform)
    ended = running(platform, batch, plan["work"], "InProgress")
    assert stop_batch_job(platform, batch.id).status == "STOPPING"
    assert platform.transform_jobs.stopped == [ended.job]
    platform.transform_jobs.known[ended.job] = TransformJob(ended.job, "Stopped")
    assert settle_transform(platform, ended, CapacityPolicy())["status"] == "STOPPED"


def test_a_restart_sends_only_what_has_no_result_or_has_changed():
    platform = a_platform({"cat": 4})
    batch, _ = planned(platform)
    for number, at in ((0, "2026-01-02T00:00:00.000Z"), (1, "2025-01-01T00:00:00.000Z")):
        key = result_key(batch.id, f"{PROJECT}/{DATASET}/cat/{number}.jpg")
        platform.artifacts.write(key, b"{}")
        platform.artifacts.changed_at[key] = at
    known = platform.examples.examples[PROJECT, DATASET]
    known |= {path: replace(example, changed_at="2026-01-01T00:00:00.000Z") for path, example in known.items()}
    with pytest.raises(Conflict, match=r"batch\.not_restartable"):
        restart_batch_job(platform, batch.id)
    platform.batch_jobs.change(batch.id, {"status": "STOPPED"})
    restart_batch_job(platform, batch.id)
    platform.batch_jobs.change(batch.id, {"status": "PREPARING"})
    plan = plan_batch(platform, batch.id, 2)
    sent = manifest(platform, plan["work"]["manifest_uri"])[1:]
    assert sent == [f"{PROJECT}/{DATASET}/cat/{number}.jpg" for number in (1, 2, 3)]
    assert platform.batch_jobs.get(batch.id).done_count == 1


def test_an_execution_that_died_stops_its_transform_job_and_says_how_to_go_on():
    platform = a_platform({"cat": 3})
    batch, plan = planned(platform)
    ended = running(platform, batch, plan["work"], "InProgress")
    execution = parse_execution_name(batch.execution_name)
    assert settle_ended_execution(platform, execution, "ABORTED") == "FAILED"
    assert platform.transform_jobs.stopped == [ended.job]
    assert "Restart" in platform.batch_jobs.get(batch.id).error["hint"]
    assert record_failure(platform, execution, {"code": "x.y", "message": "", "hint": ""}) is None
