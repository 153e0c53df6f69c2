"""The Lambda handlers around a drop, on DynamoDB, S3 and SQS (moto), fed with events as AWS sends them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from chalicelib.adapters import aws
from chalicelib.adapters.drops import S3DroppedFiles, SqsDropQueue
from chalicelib.adapters.example_store import TableExampleStore
from chalicelib.bootstrap import AwsPlatform, platform
from chalicelib.domain.example import Replacement
from chalicelib.reactions import index_objects, quiet_period
from droplearn.contracts.dataset_config import MAX_CONFIG_BYTES
from droplearn.contracts.errors import InternalError, Throttled
from tests.contract.control_plane.conftest import CREDENTIALS
from tests.contract.control_plane.test_example_store import NOW, create_table, example
from tests.drop_events import drop_event

BATCH = json.loads((Path(__file__).parents[2] / "aws_events" / "sqs_drop_batch.json").read_text())


@pytest.fixture
def world() -> Iterator[AwsPlatform]:
    with patch.dict(os.environ, CREDENTIALS), mock_aws():
        aws.client.cache_clear()
        platform.cache_clear()
        create_table()
        place = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
        boto3.client("s3").create_bucket(Bucket="data", **place)
        sqs = boto3.client("sqs")
        urls = {f"{name.upper()}_QUEUE_URL": sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("drop", "quiet")}
        with patch.dict(os.environ, {"TABLE_NAME": "table", "DATA_BUCKET": "data"} | urls):
            yield platform()
        aws.client.cache_clear()
        platform.cache_clear()


def deliver(*bodies: str) -> list[str]:
    records = [BATCH["Records"][0] | {"messageId": str(n), "body": body} for n, body in enumerate(bodies)]
    return [failure["itemIdentifier"] for failure in index_objects.handle({"Records": records})["batchItemFailures"]]


def test_a_batch_as_lambda_delivers_it_is_indexed_and_the_poison_goes_back_at_once(world: AwsPlatform):
    sqs, url = boto3.client("sqs"), os.environ["DROP_QUEUE_URL"]
    sqs.send_message(QueueUrl=url, MessageBody="{ this is no event")
    (received,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=360)["Messages"]
    records = [r | ({"receiptHandle": received["ReceiptHandle"]} if r["body"].startswith("{ this") else {}) for r in BATCH["Records"]]
    answer = index_objects.handle({"Records": records})
    assert answer == {"batchItemFailures": [{"itemIdentifier": BATCH["Records"][2]["messageId"]}]}
    assert world.examples.counts("zoo", "animals").labels == {"alpaca": 1}
    assert len(sqs.receive_message(QueueUrl=url).get("Messages", [])) == 1


@pytest.mark.parametrize(("receives", "waits_s"), [(1, 60), (2, 120), (4, 18000), (5, 18000)])
def test_a_drop_into_a_project_that_is_being_deleted_waits_longer_each_time(
    world: AwsPlatform, receives: int, waits_s: int, monkeypatch: pytest.MonkeyPatch
):
    deliver(drop_event("p/d/cat/1.jpg", 1))
    world.projects.change("p", {"deleting_since": "2026-01-01T00:00:00.000Z"})
    handed: list[tuple[list[str], int]] = []
    monkeypatch.setattr(SqsDropQueue, "hand_back", lambda _self, receipts, wait_s=0: receipts and handed.append((receipts, wait_s)))
    record = BATCH["Records"][0] | {"messageId": "m", "body": drop_event("p/d/cat/2.jpg", 2), "receiptHandle": "r"}
    record["attributes"] = record["attributes"] | {"ApproximateReceiveCount": str(receives)}
    assert index_objects.handle({"Records": [record]}) == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    assert handed == [(["r"], waits_s)]
    assert world.examples.counts("p", "d").labels == {"cat": 1}


def test_project_and_dataset_are_listed_after_the_first_drop(world: AwsPlatform):
    assert deliver(drop_event("p/d/cat/1.jpg", 1), drop_event("p/d/cat/1.jpg", 1)) == []
    assert deliver(drop_event("p/d/cat/1.jpg", 1)) == []
    assert [p.name for p in world.projects.page("PROJECTS", 10).items] == ["p"]
    assert [d.name for d in world.datasets.page("PROJECT#p#DATASETS", 10).items] == ["d"]
    assert world.examples.counts("p", "d").labels == {"cat": 1}


def test_a_train_section_sends_one_delayed_message_which_starts_the_task_once(world: AwsPlatform):
    boto3.client("s3").put_object(Bucket="data", Key="p/d/droplearn.yaml", Body=b"train: {quiet_period_s: 5, expected_accuracy: 0.95}")
    assert deliver(drop_event("p/d/droplearn.yaml", 1), drop_event("p/d/cat/1.jpg", 2)) == []
    assert deliver(drop_event("p/d/cat/2.jpg", 3)) == []
    dataset = world.datasets.get("p/d")
    assert dataset is not None
    assert dataset.config == {"train": {"quiet_period_s": 5, "expected_accuracy": 0.95}}
    attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=os.environ["QUIET_QUEUE_URL"], AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"

    later = world.now().replace(year=world.now().year + 1)
    message = {"project": "p", "dataset": "d", "token": dataset.quiet_token}
    record = BATCH["Records"][0] | {"body": json.dumps(message)}
    machine = boto3.client("stepfunctions").create_state_machine(
        name="learn",
        definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
        roleArn="arn:aws:iam::123456789012:role/r",
    )
    with patch.dict(os.environ, {"LEARN_STATE_MACHINE_ARN": machine["stateMachineArn"]}), patch.object(AwsPlatform, "now", lambda _: later):
        for _ in range(2):
            assert quiet_period.handle({"Records": [record]}) == {"batchItemFailures": []}
    assert len(world.tasks.page("PROJECT#p#TASKS", 10).items) == 1
    dataset = world.datasets.get("p/d")
    assert dataset is not None
    assert dataset.config_started_task
    assert dataset.quiet_token is None


def test_a_quiet_message_of_another_shape_fails_alone(world: AwsPlatform):
    records = [BATCH["Records"][0] | {"messageId": "bad", "body": body} for body in ("{", "[]", '{"x": 1}')]
    assert quiet_period.handle({"Records": records}) == {"batchItemFailures": [{"itemIdentifier": "bad"}] * 3}


@pytest.mark.parametrize(("body", "size"), [(b"", 0), (b"train:", 6), (b"x" * 100_000, MAX_CONFIG_BYTES + 1)])
def test_no_more_of_a_config_is_fetched_than_may_count(world: AwsPlatform, body: bytes, size: int):
    files = S3DroppedFiles("data")
    assert files.read_config("p", "d") is None
    boto3.client("s3").put_object(Bucket="data", Key="p/d/droplearn.yaml", Body=body)
    found = files.read_config("p", "d")
    assert found is not None
    assert len(found) == size
    assert files.read_range("p/d/droplearn.yaml", 1, 3) == body[1:4]
    assert files.read_range("p/d/none.csv", 0, 3) == b""


def test_only_if_none_means_not_set(world: AwsPlatform):
    assert deliver(drop_event("p/d/cat/1.jpg", 1)) == []
    change = world.datasets.change
    assert change("p/d", {"quiet_token": "b"}, only_if={"quiet_token": ["a"]}) is None
    assert change("p/d", {"quiet_token": "b"}, only_if={"quiet_token": ["a", None]}) is not None
    assert change("p/d", {"quiet_token": "c"}, only_if={"quiet_token": [None]}) is None


@pytest.mark.parametrize(("reason", "error"), [("ThrottlingError", Throttled), ("ValidationError", InternalError)])
def test_a_transaction_that_was_cancelled_for_another_reason_is_no_conflict(world: AwsPlatform, reason: str, error: type[Exception]):
    refused = ClientError(
        {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": [{"Code": "None"}, {"Code": reason}]}, "x"
    )  # type: ignore[typeddict-unknown-key]
    new = example("cat/1.jpg")

    def refuse(**_: Any) -> None:
        raise refused

    with patch.object(aws.client("dynamodb"), "transact_write_items", refuse), pytest.raises(error):
        TableExampleStore("table", "data").write("p", "d", [Replacement(None, new)], {}, NOW)


def test_keys_that_dynamodb_leaves_unread_are_asked_for_again_but_not_for_ever(world: AwsPlatform):
    store, new = TableExampleStore("table", "data", pause=lambda _s: None), example("cat/1.jpg")
    store.write("p", "d", [Replacement(None, new)], {}, NOW)
    real, asked = aws.client("dynamodb").batch_get_item, []

    def reluctant(*, RequestItems: dict[str, Any]) -> dict[str, Any]:
        asked.append(1)
        return real(RequestItems=RequestItems) if len(asked) == 3 else {"Responses": {}, "UnprocessedKeys": RequestItems}

    with patch.object(aws.client("dynamodb"), "batch_get_item", reluctant):
        assert store.read("p", "d", ["cat/1.jpg"]) == {"cat/1.jpg": new}
        with pytest.raises(Throttled):
            store.read("p", "d", ["cat/1.jpg"])
