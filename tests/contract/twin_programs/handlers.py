"""Lambda handlers for tests of the twin."""

import json
import os
import time

import boto3

calls = 0


def echo(event, context):
    return event


def flaky(event, context):
    raise ValueError("nope")


def slow(event, context):
    time.sleep(30)


def exits(event, context):
    os._exit(3)


def counts(event, context):
    global calls
    calls += 1
    return {"calls": calls, "pid": os.getpid()}


def big(event, context):
    return "x" * (7 * 1024 * 1024)


def naps(event, context):
    time.sleep(event.get("seconds", 0.5))
    return os.getpid()


def describes(event, context):
    return {
        "name": context.function_name,
        "arn": context.invoked_function_arn,
        "left_ms": context.get_remaining_time_in_millis(),
        "identity": boto3.client("sts").get_caller_identity()["Arn"],
        "variable": os.environ.get("VARIABLE"),
    }


def records(event, context):
    """Write each event into the table that RECORDS names."""
    item = {"pk": {"S": context.aws_request_id}, "function": {"S": context.function_name}, "event": {"S": json.dumps(event)}}
    boto3.client("dynamodb").put_item(TableName=os.environ["RECORDS"], Item=item)


def fails_after_recording(event, context):
    records(event, context)
    raise RuntimeError("always")


def batch(event, context):
    """Record the batch's bodies and receive counts; report those that start with bad as failed."""
    rows = [[r["body"][:80], int(r["attributes"]["ApproximateReceiveCount"])] for r in event["Records"]]
    records(rows, context)
    return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in event["Records"] if r["body"].startswith("bad")]}


def hands_over_token(event, context):
    """Answer the task token of a state machine at once."""
    boto3.client("stepfunctions").send_task_success(taskToken=event["token"], output=json.dumps({"answered": event["value"]}))
