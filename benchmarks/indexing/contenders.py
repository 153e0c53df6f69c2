"""Ours, and two handlers as they are usually written: Powertools' batch processor, one PutItem per object, and the same with a counter."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote_plus

import boto3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from benchmarks.indexing.stub import DynamoStub
from chalicelib.adapters import aws
from chalicelib.bootstrap import platform
from chalicelib.reactions import index_objects

Handler = Callable[[dict[str, Any]], Any]


def ours(stub: DynamoStub) -> Handler:
    """The handler of the product, wired by its own bootstrap."""
    aws.client.cache_clear()
    platform.cache_clear()
    stub.attach(aws.client("dynamodb"))
    return index_objects.handle


def put_each(stub: DynamoStub) -> Handler:
    """One PutItem per object: no counts, no order, deletes ignored."""
    return _naive(stub, counts=False)


def put_and_count_each(stub: DynamoStub) -> Handler:
    """And one UpdateItem per object for its label's count: wrong as soon as a message comes twice."""
    return _naive(stub, counts=True)


def _naive(stub: DynamoStub, *, counts: bool) -> Handler:
    table = boto3.resource("dynamodb").Table("table")
    stub.attach(table.meta.client)
    processor = BatchProcessor(event_type=EventType.SQS)

    def index_message(record: Any) -> None:
        for s3 in (r["s3"] for r in json.loads(record.body)["Records"]):
            project, dataset, path = unquote_plus(s3["object"]["key"]).split("/", 2)
            item = {"pk": f"EXAMPLES#{project}/{dataset}", "sk": path, "size_bytes": s3["object"]["size"], "etag": s3["object"]["eTag"]}
            table.put_item(Item=item)
            if counts:
                table.update_item(
                    Key={"pk": f"DATASET#{project}/{dataset}", "sk": "COUNT"},
                    UpdateExpression="ADD #l :one",
                    ExpressionAttributeNames={"#l": path.split("/")[0]},
                    ExpressionAttributeValues={":one": 1},
                )

    return lambda event: process_partial_response(event=event, record_handler=index_message, processor=processor, context=None)


CONTENDERS: dict[str, Callable[[DynamoStub], Handler]] = {
    "droplearn": ours,
    "PutItem each": put_each,
    "PutItem + count each": put_and_count_each,
}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "k",
    "AWS_SECRET_ACCESS_KEY": "s",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "TABLE_NAME": "table",
    "DATA_BUCKET": "data",
    "ARTIFACT_BUCKET": "artifacts",
    "DROP_QUEUE_URL": "https://sqs.example/drop",
    "QUIET_QUEUE_URL": "https://sqs.example/quiet",
}
environment = patch.dict("os.environ", ENVIRONMENT)
