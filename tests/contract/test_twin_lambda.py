"""Functions of the twin: warm environments, errors, limits, retries, event sources."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from tests.contract.twin_fixtures import ACCOUNT, REGION, Aws, wait_for


@pytest.fixture(scope="module")
def role(aws: Aws) -> str:
    aws.client("dynamodb").create_table(
        TableName="records",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return aws.role("functions")


def invoke(aws: Aws, name: str, event: Any = None) -> tuple[Any, str | None]:
    answer = aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
    return json.load(answer["Payload"]), answer.get("FunctionError")


def recorded(aws: Aws, function: str) -> list[Any]:
    items = aws.client("dynamodb").scan(TableName="records")["Items"]
    return [json.loads(i["event"]["S"]) for i in items if i["function"]["S"] == function]


RECORDS = {"Environment": {"Variables": {"RECORDS": "records"}}}


def test_environment_stays_warm_between_invocations(aws: Aws, role: str) -> None:
    aws.function("counts", role)
    first, second = invoke(aws, "counts")[0], invoke(aws, "counts")[0]
    assert (first["calls"], second["calls"]) == (1, 2)
    assert first["pid"] == second["pid"]


def test_new_configuration_starts_new_environments(aws: Aws, role: str) -> None:
    aws.function("changing", role, "describes", Environment={"Variables": {"VARIABLE": "before"}})
    assert invoke(aws, "changing")[0]["variable"] == "before"
    aws.client("lambda").update_function_configuration(FunctionName="changing", Environment={"Variables": {"VARIABLE": "after"}})
    assert invoke(aws, "changing")[0]["variable"] == "after"


def test_function_runs_as_its_role_with_lambda_s_context(aws: Aws, role: str) -> None:
    arn = aws.function("describes", role)
    found = invoke(aws, "describes")[0]
    assert found["identity"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/functions/describes"
    assert (found["name"], found["arn"]) == ("describes", arn)
    assert 5_000 < found["left_ms"] <= 10_000


def test_exception_is_a_function_error_with_its_class_name(aws: Aws, role: str) -> None:
    aws.function("flaky", role)
    payload, error = invoke(aws, "flaky")
    assert error == "Unhandled"
    assert (payload["errorType"], payload["errorMessage"]) == ("ValueError", "nope")


def test_timeout_ends_the_environment(aws: Aws, role: str) -> None:
    aws.function("slow", role, Timeout=1)
    payload, error = invoke(aws, "slow")
    assert error == "Unhandled"
    assert "Task timed out after 1.00 seconds" in payload["errorMessage"]


def test_exit_of_the_process_is_an_error(aws: Aws, role: str) -> None:
    aws.function("exits", role)
    assert invoke(aws, "exits")[0]["errorType"] == "Runtime.ExitError"


def test_code_that_does_not_load_is_an_error_of_each_invocation(aws: Aws, role: str) -> None:
    aws.function("missing", role, "no_such_handler")
    for _ in range(2):
        assert invoke(aws, "missing")[0]["errorType"] == "AttributeError"


def test_output_is_logged(aws: Aws, role: str) -> None:
    aws.function("logs", role, "flaky")
    invoke(aws, "logs")
    logs = aws.client("logs")

    def messages() -> str:
        streams = logs.describe_log_streams(logGroupName="/aws/lambda/logs")["logStreams"]
        events = [logs.get_log_events(logGroupName="/aws/lambda/logs", logStreamName=s["logStreamName"])["events"] for s in streams]
        return "\n".join(e["message"] for stream in events for e in stream)

    wait_for(messages, lambda text: "ValueError: nope" in text)


def test_payload_above_six_megabytes_is_refused(aws: Aws, role: str) -> None:
    aws.function("echo", role)
    with pytest.raises(ClientError) as caught:
        invoke(aws, "echo", "x" * (6 * 1024 * 1024 + 1))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_answer_above_six_megabytes_is_a_function_error(aws: Aws, role: str) -> None:
    aws.function("big", role)
    payload, error = invoke(aws, "big")
    assert (error, payload["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")


def test_reserved_concurrency_is_a_limit(aws: Aws, role: str) -> None:
    aws.function("naps", role)
    client = aws.client("lambda")
    client.put_function_concurrency(FunctionName="naps", ReservedConcurrentExecutions=1)

    def outcome(_: int) -> str:
        try:
            invoke(aws, "naps", {"seconds": 1})
        except client.exceptions.TooManyRequestsException:
            return "refused"
        return "ran"

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(outcome, range(3))) == ["ran", "refused", "refused"]


def test_asynchronous_invocation_is_retried_twice_and_then_given_up(aws: Aws, role: str) -> None:
    aws.function("fails_after_recording", role, **RECORDS)
    sqs, client = aws.client("sqs"), aws.client("lambda")
    url = sqs.create_queue(QueueName="given-up")["QueueUrl"]
    destination = {"OnFailure": {"Destination": f"arn:aws:sqs:{REGION}:{ACCOUNT}:given-up"}}
    client.put_function_event_invoke_config(FunctionName="fails_after_recording", DestinationConfig=destination)
    client.invoke(FunctionName="fails_after_recording", InvocationType="Event", Payload=b'{"n": 1}')
    message = wait_for(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))[0]
    body = json.loads(message["Body"])
    assert body["requestPayload"] == {"n": 1}
    assert body["responsePayload"]["errorType"] == "RuntimeError"
    assert len(recorded(aws, "fails_after_recording")) == 3


def test_batches_fail_partly_and_poison_goes_to_the_dead_letters(aws: Aws, role: str) -> None:
    sqs = aws.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    redrive = json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead", "maxReceiveCount": 2})
    work = sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "3", "RedrivePolicy": redrive})["QueueUrl"]
    for text in ("good 1", "bad", "good 2"):
        sqs.send_message(QueueUrl=work, MessageBody=text)
    aws.function("partial", role, "batch", **RECORDS)
    mapping = {"EventSourceArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:work", "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    aws.client("lambda").create_event_source_mapping(FunctionName="partial", BatchSize=10, **mapping)
    message = wait_for(lambda: sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=1).get("Messages"))[0]
    assert message["Body"] == "bad"
    seen = [row for rows in recorded(aws, "partial") for row in rows]
    assert sorted(seen) == [["bad", 1], ["bad", 2], ["good 1", 1], ["good 2", 1]]
    assert not sqs.receive_message(QueueUrl=work).get("Messages")


def test_batching_window_fills_large_batches(aws: Aws, role: str) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="many")["QueueUrl"]
    for start in range(0, 300, 10):
        entries = [{"Id": str(i), "MessageBody": f"m{i}"} for i in range(start, start + 10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    aws.function("large", role, "batch", **RECORDS)
    mapping = {"EventSourceArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:many", "MaximumBatchingWindowInSeconds": 1}
    aws.client("lambda").create_event_source_mapping(FunctionName="large", BatchSize=1000, **mapping)
    batches = wait_for(lambda: recorded(aws, "large"))
    assert [len(rows) for rows in batches] == [300]


def cpu_s(aws: Aws) -> float:
    """Of the twin so far: unlike time it does not depend on what else the machine does."""
    used = psutil.Process(aws.twin.process.pid).cpu_times()
    return float(used.user + used.system)


def test_backlog_of_thousands_is_not_quadratic(aws: Aws) -> None:
    """2,000 messages, ten at a time."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="backlog")["QueueUrl"]
    with ThreadPoolExecutor(4) as pool:
        batches = [[{"Id": str(i), "MessageBody": str(i)} for i in range(s, s + 10)] for s in range(0, 2000, 10)]
        list(pool.map(lambda entries: sqs.send_message_batch(QueueUrl=url, Entries=entries), batches))
    received: set[str] = set()
    began_s = cpu_s(aws)
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        received |= {m["Body"] for m in messages}
        entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)]
        assert not sqs.delete_message_batch(QueueUrl=url, Entries=entries).get("Failed")
    assert len(received) == 2000
    assert cpu_s(aws) - began_s < 30


def test_s3_notification_reaches_a_function_through_a_queue(aws: Aws, role: str) -> None:
    sqs, s3 = aws.client("sqs"), aws.client("s3")
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:drops"
    sqs.create_queue(QueueName="drops")
    s3.create_bucket(Bucket="drops", CreateBucketConfiguration={"LocationConstraint": REGION})
    configuration = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket="drops", NotificationConfiguration=configuration)
    aws.function("drops", role, "records", **RECORDS)
    aws.client("lambda").create_event_source_mapping(FunctionName="drops", EventSourceArn=arn)
    s3.put_object(Bucket="drops", Key="p/d/猫 a+b.jpg", Body=b"x")

    def keys() -> list[str]:
        bodies = [json.loads(r["body"]) for event in recorded(aws, "drops") for r in event["Records"]]
        return [r["s3"]["object"]["key"] for body in bodies for r in body.get("Records", [])]

    assert wait_for(keys) == ["p%2Fd%2F%E7%8C%AB+a%2Bb.jpg"]


def test_event_rule_reaches_a_function(aws: Aws, role: str) -> None:
    aws.function("ruled", role, "records", **RECORDS)
    events = aws.client("events")
    events.put_rule(Name="ruled", EventPattern=json.dumps({"source": ["tests"], "detail": {"n": [{"numeric": [">", 1]}]}}))
    events.put_targets(Rule="ruled", Targets=[{"Id": "1", "Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:ruled"}])
    for n in (1, 2):
        events.put_events(Entries=[{"Source": "tests", "DetailType": "t", "Detail": json.dumps({"n": n})}])
    found = wait_for(lambda: recorded(aws, "ruled"))
    assert [e["detail"]["n"] for e in found] == [2]


def test_one_off_schedule_fires_and_is_gone(aws: Aws, role: str) -> None:
    aws.function("scheduled", role, "records", **RECORDS)
    scheduler = aws.client("scheduler")
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 1))
    target = {"Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:scheduled", "RoleArn": role, "Input": '{"timer": 1}'}
    scheduler.create_schedule(
        Name="once", ScheduleExpression=f"at({when})", FlexibleTimeWindow={"Mode": "OFF"}, ActionAfterCompletion="DELETE", Target=target
    )
    assert wait_for(lambda: recorded(aws, "scheduled")) == [{"timer": 1}]
    assert scheduler.list_schedules()["Schedules"] == []


def image_function(aws: Aws, role: str, name: str, image: str, command: str) -> None:
    aws.client("lambda").create_function(
        FunctionName=name,
        PackageType="Image",
        Code={"ImageUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{image}:latest"},
        ImageConfig={"EntryPoint": ["python", "-m", "awslambdaric"], "Command": [command]},
        Role=role,
        Timeout=10,
        Environment={"Variables": {"VARIABLE": "v"}},
    )


def test_a_function_of_an_image_runs_the_images_program_with_its_environment_and_role(aws: Aws, role: str) -> None:
    image_function(aws, role, "of-image", "tests", "handlers.describes")
    told = invoke(aws, "of-image")[0]
    assert told["variable"] == "v"
    aws.client("lambda").update_function_configuration(FunctionName="of-image", Environment={"Variables": {"VARIABLE": "w"}})
    assert invoke(aws, "of-image")[0]["variable"] == "w"


def test_a_function_of_an_unknown_image_says_so(aws: Aws, role: str) -> None:
    image_function(aws, role, "of-nothing", "nothing", "handlers.describes")
    told, error = invoke(aws, "of-nothing")
    assert error == "Unhandled"
    assert "Cannot pull" in told["errorMessage"]
