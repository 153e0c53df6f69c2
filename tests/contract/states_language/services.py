"""Tasks that call AWS: functions, tables, queues, events, and the SDK's way."""

from __future__ import annotations

import json

from tests.contract.states_language.case import INVOKE, QUEUE_URL, UPDATE, Case, caught, states, task
from tests.contract.twin_fixtures import ACCOUNT, REGION

SET_STATUS = {
    "TableName": "t",
    "Key": {"pk": {"S.$": "$.id"}},
    "UpdateExpression": "SET #s=:s",
    "ExpressionAttributeNames": {"#s": "status"},
    "ExpressionAttributeValues": {":s": {"S.$": "States.Format('run-{}', $.id)"}},
}
ONCE = {"TableName": "t", "Item": {"pk": {"S": "taken"}}, "ConditionExpression": "attribute_not_exists(pk)"}


CASES = [
    Case("lambda-invoke", states(A=task(INVOKE, {"FunctionName": "echo", "Payload.$": "$"}, OutputPath="$.Payload")), {"a": 1}, {"a": 1}),
    Case("lambda-by-arn", states(A=task(f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:echo")), {"a": 1}, {"a": 1}),
    Case(
        "lambda-error-is-caught-by-its-class-name",
        caught(task(INVOKE, {"FunctionName": "flaky"}), "ValueError"),
        lambda r: r.output["Error"] == "ValueError" and json.loads(r.output["Cause"])["errorMessage"] == "nope",
    ),
    Case(
        "lambda-access-denied-is-an-error-of-lambda",
        caught(task(INVOKE, {"FunctionName": "nobody"}), "States.ALL"),
        lambda r: r.output["Error"].startswith("Lambda."),
    ),
    Case(
        "retry-with-backoff",
        states(
            A=task(INVOKE, {"FunctionName": "flaky"})
            | {"Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1.5}]},
        ),
        lambda r: r.description["error"] == "ValueError",
        status="FAILED",
        at_least_s=2.5,
    ),
    Case("dynamodb-update-item", states(A=task(UPDATE, SET_STATUS, ResultPath=None)), {"id": "7"}, {"id": "7"}),
    Case(
        "dynamodb-condition-is-caught",
        caught(task("arn:aws:states:::dynamodb:putItem", ONCE), "DynamoDB.ConditionalCheckFailedException"),
        lambda r: r.output["Error"] == "DynamoDB.ConditionalCheckFailedException",
    ),
    Case(
        "aws-sdk-dynamodb-condition-is-caught",
        caught(task("arn:aws:states:::aws-sdk:dynamodb:putItem", ONCE), "DynamoDb.ConditionalCheckFailedException"),
        lambda r: r.output["Error"] == "DynamoDb.ConditionalCheckFailedException",
    ),
    Case(
        "sqs-send-message",
        states(A=task("arn:aws:states:::sqs:sendMessage", {"QueueUrl": QUEUE_URL, "MessageBody": {"x.$": "$.x"}})),
        lambda r: "MessageId" in r.output,
        {"x": 1},
    ),
    Case(
        "events-put-events",
        states(
            A=task("arn:aws:states:::events:putEvents", {"Entries": [{"Source": "a", "DetailType": "b", "Detail": {"c": 1}}]}),
        ),
        lambda r: r.output["FailedEntryCount"] == 0,
    ),
    Case(
        "aws-sdk-s3-list-objects",
        states(A=task("arn:aws:states:::aws-sdk:s3:listObjectsV2", {"Bucket": "asl", "Prefix": "d/"}, OutputPath="$.KeyCount")),
        1,
    ),
    Case(
        "aws-sdk-output-with-times-is-described",
        states(A=task("arn:aws:states:::aws-sdk:s3:listObjectsV2", {"Bucket": "asl", "Prefix": "d/"})),
        lambda r: isinstance(r.output["Contents"][0]["LastModified"], str),
    ),
    Case(
        "aws-sdk-error-names-have-the-service-s-case",
        caught(task("arn:aws:states:::aws-sdk:sagemaker:describeEndpoint", {"EndpointName": "none"}), "States.ALL"),
        lambda r: r.output["Error"] == "SageMaker.SageMakerException",
    ),
]
