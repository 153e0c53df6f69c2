"""What of Amazon States Language works on the twin. Guards the pin of moto, whose interpreter the twin repairs.

All cases run at the same time on one bare twin; each test looks at one result.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.twin_fixtures import ACCOUNT, REGION, Aws, wait_for

TOKEN = str(time.time_ns())
Json = dict[str, Any]


@dataclass
class Case:
    """One execution: what runs, and what must come of it."""

    name: str
    definition: Json
    expected: Any = None  # the output, or a test of the description
    input: Any = field(default_factory=dict)
    status: str = "SUCCEEDED"
    at_most_s: float = 30
    at_least_s: float = 0
    during: Callable[[Aws, str], None] | None = None


@dataclass
class Result:
    description: Json
    seconds: float

    @property
    def output(self) -> Any:
        return json.loads(self.description["output"])


def states(**named: Json) -> Json:
    return {"StartAt": next(iter(named)), "States": named}


def task(resource: str, parameters: Json | None = None, **more: Any) -> Json:
    made = {"Type": "Task", "Resource": resource, **({} if parameters is None else {"Parameters": parameters}), **more}
    return made if "Next" in more else made | {"End": True}


def last(**more: Any) -> Json:
    return {"Type": "Pass", "End": True, **more}


def caught(state: Json, error: str, path: str = "$") -> Json:
    caught_state = state | {"Catch": [{"ErrorEquals": [error], "Next": "Caught", "ResultPath": path}]}
    return states(A=caught_state, Caught=last())


def wait_until(form: str) -> Json:
    """Waits for the moment that it then gives out. The moment is filled in when the case starts."""
    moment = "{IN_2_S " + form + "}"
    told = {"Type": "Pass", "Result": {"moment": moment}, "Next": "Wait"}
    return states(Told=told, Wait={"Type": "Wait", "TimestampPath": "$.moment", "End": True})


def ended_when_it_was_told(result: Result) -> bool:
    moment = datetime.fromisoformat(result.output["moment"])
    return moment <= result.description["stopDate"] <= moment + timedelta(seconds=5)


INVOKE, UPDATE = "arn:aws:states:::lambda:invoke", "arn:aws:states:::dynamodb:updateItem"
SEND_AND_WAIT = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
TRAIN = "arn:aws:states:::sagemaker:createTrainingJob"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/everything"
QUEUE_URL = "{QUEUE_URL}"
WAIT_FOR_TOKEN = {"QueueUrl": QUEUE_URL, "MessageBody": {"token.$": "$$.Task.Token", "case.$": "$$.StateMachine.Name"}}
SLEEP = {"Type": "Wait", "Seconds": 60, "End": True}


def training(name: str, **parameters: str) -> Json:
    return {
        "TrainingJobName": f"{name}-{TOKEN}",
        "RoleArn": ROLE,
        "HyperParameters": parameters,
        "AlgorithmSpecification": {"TrainingImage": "tests:1", "TrainingInputMode": "File"},
        "InputDataConfig": [
            {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://asl/d/"}}},
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://asl/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }


def job_status(aws: Aws, name: str) -> str:
    return str(aws.client("sagemaker").describe_training_job(TrainingJobName=f"{name}-{TOKEN}")["TrainingJobStatus"])


def stop_after(seconds: float) -> Callable[[Aws, str], None]:
    def stop(aws: Aws, execution: str) -> None:
        time.sleep(seconds)
        aws.client("stepfunctions").stop_execution(executionArn=execution, error="User", cause="stop")

    return stop


def stop_when_job_runs(name: str) -> Callable[[Aws, str], None]:
    def stop(aws: Aws, execution: str) -> None:
        sagemaker = aws.client("sagemaker")
        running = {"Training"}
        look = lambda: [j["TrainingJobName"] for j in sagemaker.list_training_jobs()["TrainingJobSummaries"]]  # noqa: E731
        wait_for(look, lambda names: f"{name}-{TOKEN}" in names)
        describe = lambda: sagemaker.describe_training_job(TrainingJobName=f"{name}-{TOKEN}")["SecondaryStatus"]  # noqa: E731
        wait_for(describe, lambda status: status in running)
        aws.client("stepfunctions").stop_execution(executionArn=execution, error="User", cause="stop")

    return stop


def keep_answering_tokens(aws: Aws, queue_url: str, stop: threading.Event) -> None:
    """Success for the case `token-success`, failure for `token-failure`, nothing for the others."""
    sqs, stepfunctions = aws.client("sqs"), aws.client("stepfunctions")
    while not stop.is_set():
        for message in sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", []):
            body = json.loads(message["Body"])
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
            if "token-success" in body.get("case", ""):
                stepfunctions.send_task_success(taskToken=body["token"], output='{"ok": 1}')
            elif "token-failure" in body.get("case", ""):
                stepfunctions.send_task_failure(taskToken=body["token"], error="Boom", cause="because")


def answer_stored_token(aws: Aws, _execution: str) -> None:
    read = lambda: aws.client("dynamodb").get_item(TableName="t", Key={"pk": {"S": "token"}}).get("Item")  # noqa: E731
    item = wait_for(read, lambda found: found and "token" in found)
    aws.client("stepfunctions").send_task_success(taskToken=item["token"]["S"], output='{"stopped": true}')


STORE_TOKEN = {
    "TableName": "t",
    "Key": {"pk": {"S": "token"}},
    "UpdateExpression": "SET #t = :t, #s = :s",
    "ExpressionAttributeNames": {"#t": "token", "#s": "status"},
    "ExpressionAttributeValues": {":t": {"S.$": "$$.Task.Token"}, ":s": {"S": "RUNNING"}},
}
SET_STATUS = {
    "TableName": "t",
    "Key": {"pk": {"S.$": "$.id"}},
    "UpdateExpression": "SET #s=:s",
    "ExpressionAttributeNames": {"#s": "status"},
    "ExpressionAttributeValues": {":s": {"S.$": "States.Format('run-{}', $.id)"}},
}
COUNT_UP = {
    "TableName": "t",
    "Key": {"pk": {"S": "counter"}},
    "UpdateExpression": "ADD n :one",
    "ExpressionAttributeValues": {":one": {"N": "1"}},
}
ONCE = {"TableName": "t", "Item": {"pk": {"S": "taken"}}, "ConditionExpression": "attribute_not_exists(pk)"}
DISTRIBUTED = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **states(P=last())}


def read_items(key: str, **reader: Any) -> Json:
    item_reader = {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": reader,
        "Parameters": {"Bucket": "asl", "Key": key},
    }
    return states(A={"Type": "Map", "ItemReader": item_reader, "ItemProcessor": DISTRIBUTED, "End": True})


def chain(state: Json, length: int) -> Json:
    links = {f"S{i}": state | ({"Next": f"S{i + 1}"} if i < length - 1 else {"End": True}) for i in range(length)}
    return {"StartAt": "S0", "States": links}


JSONATA = {"QueryLanguage": "JSONata"}
NESTED = "arn:aws:states:::states:startExecution.sync:2"
CHILD = "{CHILD}"
SLOW_CHILD = "{SLOW_CHILD}"
FAILING_CHILD = "{FAILING_CHILD}"

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
        "the-time-a-state-was-entered-has-milliseconds-and-z",
        states(A=last(Parameters={"at.$": "$$.State.EnteredTime"})),
        lambda r: re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", r.output["at"]),
    ),
    Case(
        "lambda-wait-for-task-token",
        states(
            A=task(
                INVOKE + ".waitForTaskToken",
                {"FunctionName": "hands_over_token", "Payload": {"token.$": "$$.Task.Token", "value.$": "$.v"}},
            ),
        ),
        {"answered": 5},
        {"v": 5},
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
    Case("aws-sdk-create-training-job", states(A=task("arn:aws:states:::aws-sdk:sagemaker:createTrainingJob", training("sdk")))),
    Case("sagemaker-create-training-job", states(A=task(TRAIN, training("optimised"))), lambda r: "TrainingJobArn" in r.output),
    Case(
        "sagemaker-create-training-job-sync",
        states(A=task(TRAIN + ".sync", training("sync", steps="3"))),
        lambda r: (
            r.output["TrainingJobStatus"] == "Completed" and r.output["ModelArtifacts"]["S3ModelArtifacts"].startswith("s3://asl/out")
        ),
    ),
    Case(
        "sagemaker-sync-job-fails",
        caught(task(TRAIN + ".sync", training("fails", failure="bad label column")), "States.TaskFailed"),
        lambda r: json.loads(r.output["Cause"])["FailureReason"] == "AlgorithmError: bad label column, exit code: 1",
    ),
    Case(
        "sagemaker-error-names-the-exception",
        caught(task(TRAIN + ".sync", training("taken")), "SageMaker.ResourceInUseException"),
        lambda r: r.output["Error"] == "SageMaker.ResourceInUseException" and "Error Code: ResourceInUse" in r.output["Cause"],
    ),
    Case(
        "sagemaker-sync-timeout-stops-the-job",
        states(A=task(TRAIN + ".sync", training("timeout", steps="100000"), TimeoutSeconds=2)),
        lambda r: r.description["error"] == "States.Timeout",
        status="FAILED",
        at_least_s=2,
        at_most_s=30,
    ),
    Case(
        "sagemaker-sync-timeout-path-stops-the-job",
        caught(task(TRAIN + ".sync", training("timeoutpath", steps="100000"), TimeoutSecondsPath="$.limit"), "States.Timeout"),
        lambda r: r.output["Error"] == "States.Timeout",
        {"limit": 2},
        at_least_s=2,
        at_most_s=30,
    ),
    Case(
        "sagemaker-sync-stop-execution-stops-the-job",
        states(A=task(TRAIN + ".sync", training("stopped", steps="100000"))),
        lambda r: (r.description["error"], r.description["cause"]) == ("User", "stop"),
        status="ABORTED",
        during=stop_when_job_runs("stopped"),
    ),
    Case(
        "nested-execution",
        states(A=task(NESTED, {"StateMachineArn": CHILD, "Input": {"id.$": "$$.Execution.Id"}}, OutputPath="$.Output")),
        {"v": 42},
    ),
    Case(
        "nested-execution-fails",
        caught(task(NESTED, {"StateMachineArn": FAILING_CHILD}), "States.TaskFailed"),
        lambda r: json.loads(r.output["Cause"])["Error"] == "Child.Failed",
    ),
    Case(
        "nested-execution-is-stopped-with-its-parent",
        states(A=task(NESTED, {"StateMachineArn": SLOW_CHILD})),
        status="ABORTED",
        during=stop_after(1),
    ),
    Case(
        "nested-execution-without-waiting",
        states(A=task("arn:aws:states:::states:startExecution", {"StateMachineArn": CHILD})),
        lambda r: "ExecutionArn" in r.output,
    ),
    Case("token-success", states(A=task(SEND_AND_WAIT, WAIT_FOR_TOKEN)), {"ok": 1}),
    Case(
        "token-failure",
        states(A=task(SEND_AND_WAIT, WAIT_FOR_TOKEN)),
        lambda r: (r.description["error"], r.description["cause"]) == ("Boom", "because"),
        status="FAILED",
    ),
    Case(
        "token-heartbeat",
        states(A=task(SEND_AND_WAIT, WAIT_FOR_TOKEN, HeartbeatSeconds=1)),
        lambda r: r.description["error"] == "States.Timeout",
        status="FAILED",
        at_least_s=1,
    ),
    Case(
        "token-timeout",
        caught(task(SEND_AND_WAIT, WAIT_FOR_TOKEN, TimeoutSeconds=1), "States.Timeout"),
        lambda r: r.output["Error"] == "States.Timeout",
        at_least_s=1,
    ),
    Case(
        "token-timeout-path",
        caught(task(SEND_AND_WAIT, WAIT_FOR_TOKEN, TimeoutSecondsPath="$.limit"), "States.Timeout"),
        lambda r: r.output["Error"] == "States.Timeout",
        {"limit": 1},
        at_least_s=1,
    ),
    Case("token-stop", states(A=task(SEND_AND_WAIT, WAIT_FOR_TOKEN)), status="ABORTED", during=stop_after(1), at_most_s=30),
    Case(
        "aws-sdk-update-item-wait-for-task-token",
        states(A=task("arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken", STORE_TOKEN, TimeoutSecondsPath="$.limit")),
        {"stopped": True},
        {"limit": 30},
        during=answer_stored_token,
    ),
    Case("wait-seconds", states(A={"Type": "Wait", "Seconds": 1, "End": True}), {}, at_least_s=1),
    Case("wait-seconds-path", states(A={"Type": "Wait", "SecondsPath": "$.s", "End": True}), {"s": 1}, {"s": 1}, at_least_s=1),
    Case("wait-timestamp", wait_until("%Y-%m-%dT%H:%M:%SZ"), ended_when_it_was_told),
    Case("wait-timestamp-with-fraction", wait_until("%Y-%m-%dT%H:%M:%S.123Z"), ended_when_it_was_told),
    Case("wait-timestamp-with-offset", wait_until("%Y-%m-%dT%H:%M:%S+00:00"), ended_when_it_was_told),
    Case("stop-in-wait", states(A=SLEEP), status="ABORTED", during=stop_after(0.3), at_most_s=30),
    Case(
        "stop-in-retry-sleep",
        states(
            A=task(INVOKE, {"FunctionName": "flaky"})
            | {"Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 20, "MaxAttempts": 1}]},
        ),
        status="ABORTED",
        during=stop_after(3),
        at_most_s=18,
    ),
    Case(
        "choice-numbers-and-presence",
        states(
            A={
                "Type": "Choice",
                "Choices": [
                    {"And": [{"Variable": "$.n", "NumericGreaterThan": 5}, {"Variable": "$.x", "IsPresent": False}], "Next": "Yes"},
                ],
                "Default": "No",
            },
            Yes=last(Result="yes"),
            No=last(Result="no"),
        ),
        "yes",
        {"n": 6},
    ),
    Case(
        "choice-times-and-patterns",
        states(
            A={
                "Type": "Choice",
                "Choices": [
                    {
                        "And": [
                            {"Variable": "$.t", "TimestampLessThan": "2030-01-01T00:00:00Z"},
                            {"Variable": "$.s", "StringMatches": "a*.csv"},
                        ],
                        "Next": "Yes",
                    },
                ],
                "Default": "No",
            },
            Yes=last(Result="yes"),
            No=last(Result="no"),
        ),
        "yes",
        {"t": "2025-01-01T00:00:00Z", "s": "abc.csv"},
    ),
    Case(
        "parallel",
        states(
            A={
                "Type": "Parallel",
                "End": True,
                "Branches": [states(W={"Type": "Wait", "Seconds": 1, "Next": "P"}, P=last(Result=i)) for i in range(3)],
            },
        ),
        [0, 1, 2],
        at_least_s=1,
        at_most_s=30,
    ),
    Case(
        "parallel-branch-fails",
        caught(
            {
                "Type": "Parallel",
                "End": True,
                "Branches": [states(W=SLEEP), states(F={"Type": "Fail", "Error": "E", "Cause": "c"})],
            },
            "States.ALL",
        ),
        {"Error": "E", "Cause": "c"},
        at_most_s=30,
    ),
    Case(
        "parallel-timer-against-training",
        caught(
            {
                "Type": "Parallel",
                "End": True,
                "Branches": [
                    states(W={"Type": "Wait", "Seconds": 2, "Next": "F"}, F={"Type": "Fail", "Error": "MaxRuntime"}),
                    states(T=task(TRAIN + ".sync", training("race", steps="100000"))),
                ],
            },
            "MaxRuntime",
        ),
        lambda r: r.output["Error"] == "MaxRuntime",
    ),
    Case(
        "map-inline",
        states(
            A={
                "Type": "Map",
                "ItemsPath": "$.l",
                "MaxConcurrency": 5,
                "ItemSelector": {"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index"},
                "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **states(P=last())},
                "End": True,
            },
        ),
        [{"v": i, "i": i} for i in range(8)],
        {"l": list(range(8))},
    ),
    Case("map-distributed-json", read_items("items.json", InputType="JSON"), [{"i": i} for i in range(20)]),
    Case(
        "map-distributed-csv",
        read_items("items.csv", InputType="CSV", CSVHeaderLocation="FIRST_ROW"),
        [{"i": "1", "n": "a"}, {"i": "2", "n": "b"}],
    ),
    Case(
        "map-distributed-list-objects",
        states(
            A={
                "Type": "Map",
                "ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "asl", "Prefix": "d/"}},
                "ItemProcessor": DISTRIBUTED,
                "End": True,
            },
        ),
        lambda r: [item["Key"] for item in r.output] == ["d/a.csv"],
    ),
    Case(
        "map-distributed-result-writer",
        states(
            A={
                "Type": "Map",
                "ItemsPath": "$.l",
                "ItemProcessor": DISTRIBUTED,
                "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "asl", "Prefix": "results"}},
                "End": True,
            },
        ),
        lambda r: "MapRunArn" in r.output,
        {"l": [1, 2]},
    ),
    Case(
        "jsonpath-intrinsics",
        states(
            A=last(
                Parameters={
                    "m.$": "States.MathAdd($.x, 1)",
                    "l.$": "States.ArrayLength($.l)",
                    "j.$": "States.JsonMerge($.o, $.p, false)",
                    "b.$": "States.Base64Encode('hi')",
                    "s.$": "States.StringSplit('a,b', ',')",
                    "f.$": "States.JsonToString($.o)",
                },
            ),
        ),
        {"m": 3, "l": 3, "j": {"a": 1, "b": 2}, "b": "aGk=", "s": ["a", "b"], "f": '{"a":1}'},
        {"x": 2, "l": [1, 2, 3], "o": {"a": 1}, "p": {"b": 2}},
    ),
    Case(
        "variables",
        states(A={"Type": "Pass", "Assign": {"v.$": "$.x"}, "Next": "B"}, B=last(Parameters={"o.$": "$v"})),
        {"o": 9},
        {"x": 9},
    ),
    Case(
        "jsonata-output",
        JSONATA | states(A=last(Output={"s": "{% $sum($states.input.l) %}", "u": "{% $uppercase('a') %}"})),
        {"s": 6, "u": "A"},
        {"l": [1, 2, 3]},
    ),
    Case(
        "jsonata-task",
        JSONATA
        | states(
            A={
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:getItem",
                "Arguments": {"TableName": "t", "Key": {"pk": {"S": "{% $states.input.id %}"}}},
                "Assign": {"kind": "{% $states.result.Item.kind.S %}"},
                "Output": "{% $merge([$states.input, {'got': $states.result.Item.pk.S}]) %}",
                "Next": "B",
            },
            B=last(Output={"kind": "{% $kind %}", "in": "{% $states.input %}"}),
        ),
        {"kind": "fixed", "in": {"id": "taken", "got": "taken"}},
        {"id": "taken"},
    ),
    Case(
        "jsonata-choice",
        JSONATA
        | states(
            A={"Type": "Choice", "Choices": [{"Condition": "{% $states.input.n > 5 %}", "Next": "Y"}], "Default": "N"},
            Y=last(Output="{% $parse('{\"a\":1}').a %}"),
            N=last(Output="no"),
        ),
        1,
        {"n": 6},
    ),
    Case(
        "jsonata-strings-with-quotes",
        JSONATA | states(A={"Type": "Pass", "Assign": {"q": "{% $states.input.s %}"}, "Next": "B"}, B=last(Output="{% $q %}")),
        'he said "hi"\n',
        {"s": 'he said "hi"\n'},
    ),
    Case(
        "machine-timeout",
        {**states(A=SLEEP), "TimeoutSeconds": 1},
        status="TIMED_OUT",
        at_least_s=1,
        at_most_s=30,
    ),
    Case(
        "fail-with-paths",
        states(A={"Type": "Fail", "ErrorPath": "$.e", "CausePath": "$.c"}),
        lambda r: (r.description["error"], r.description["cause"]) == ("E1", "why"),
        {"e": "E1", "c": "why"},
        status="FAILED",
    ),
    Case("hundred-passes", chain({"Type": "Pass"}, 100), {}, at_most_s=60),
    Case("thirty-updates", chain({"Type": "Task", "Resource": UPDATE, "Parameters": COUNT_UP, "ResultPath": None}, 30), {}, at_most_s=60),
]


@pytest.fixture(scope="module")
def results(aws: Aws) -> dict[str, Result | BaseException]:
    placeholders = _prepare(aws)
    stop = threading.Event()
    answers = threading.Thread(target=keep_answering_tokens, args=(aws, placeholders[QUEUE_URL], stop), daemon=True)
    answers.start()
    with ThreadPoolExecutor(20) as pool:
        futures = {case.name: pool.submit(_run, aws, case, placeholders) for case in CASES}
    stop.set()
    answers.join()
    return {name: future.exception() or future.result() for name, future in futures.items()}


def _prepare(aws: Aws) -> dict[str, str]:
    role = aws.role("everything")
    for name in ("echo", "flaky", "hands_over_token"):
        aws.function(name, role)
    dynamodb, s3 = aws.client("dynamodb"), aws.client("s3")
    dynamodb.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName="t", Item={"pk": {"S": "taken"}, "kind": {"S": "fixed"}})
    s3.create_bucket(Bucket="asl", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="asl", Key="d/a.csv", Body=b"1\n2\n")
    s3.put_object(Bucket="asl", Key="items.json", Body=json.dumps([{"i": i} for i in range(20)]))
    s3.put_object(Bucket="asl", Key="items.csv", Body="i,n\n1,a\n2,b\n")
    aws.client("sagemaker").create_training_job(**training("taken"))
    children = {
        CHILD: states(A=last(Result={"v": 42})),
        SLOW_CHILD: states(A=SLEEP),
        FAILING_CHILD: states(A={"Type": "Fail", "Error": "Child.Failed", "Cause": "of course"}),
    }
    made = {
        key: aws.client("stepfunctions").create_state_machine(name=key.strip("{}"), roleArn=role, definition=json.dumps(definition))[
            "stateMachineArn"
        ]
        for key, definition in children.items()
    }
    return made | {QUEUE_URL: aws.client("sqs").create_queue(QueueName="tokens")["QueueUrl"]}


def _run(aws: Aws, case: Case, placeholders: dict[str, str]) -> Result:
    definition = json.dumps(case.definition)
    for placeholder, value in placeholders.items():
        definition = definition.replace(placeholder, value)
    in_2_s = datetime.now(UTC) + timedelta(seconds=2)
    definition = re.sub(r"\{IN_2_S ([^}]+)\}", lambda found: in_2_s.strftime(found[1]), definition)
    stepfunctions = aws.client("stepfunctions")
    machine = stepfunctions.create_state_machine(name=case.name, roleArn=ROLE, definition=definition)["stateMachineArn"]
    started = time.monotonic()
    execution = stepfunctions.start_execution(stateMachineArn=machine, input=json.dumps(case.input))["executionArn"]
    if case.during is not None:
        case.during(aws, execution)
    describe = lambda: stepfunctions.describe_execution(executionArn=execution)  # noqa: E731
    description = wait_for(describe, lambda found: found["status"] != "RUNNING")
    return Result(description, time.monotonic() - started)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_feature_of_the_states_language(case: Case, results: dict[str, Result | BaseException]) -> None:
    result = results[case.name]
    if isinstance(result, BaseException):
        raise result
    assert result.description["status"] == case.status, result.description.get("cause")
    assert case.at_least_s <= result.seconds <= case.at_most_s
    if callable(case.expected):
        assert case.expected(result), result.description
    elif case.expected is not None:
        assert result.output == case.expected


@pytest.mark.parametrize("job", ["timeout", "timeoutpath", "stopped", "race"])
@pytest.mark.usefixtures("results")
def test_job_is_stopped_when_nothing_waits_for_it_any_more(aws: Aws, job: str) -> None:
    wait_for(lambda: job_status(aws, job), lambda status: status == "Stopped")


@pytest.mark.usefixtures("results")
def test_nested_execution_ends_with_its_parent(aws: Aws) -> None:
    stepfunctions = aws.client("stepfunctions")
    machines = stepfunctions.list_state_machines()["stateMachines"]
    slow = next(m["stateMachineArn"] for m in machines if m["name"] == "SLOW_CHILD")
    statuses = lambda: [e["status"] for e in stepfunctions.list_executions(stateMachineArn=slow)["executions"]]  # noqa: E731
    wait_for(statuses, lambda found: found == ["ABORTED"])


def test_sync_task_returns_promptly_when_its_job_has_ended(aws: Aws, results: dict[str, Result | BaseException]) -> None:
    result = results["sagemaker-create-training-job-sync"]
    assert isinstance(result, Result)
    job = aws.client("sagemaker").describe_training_job(TrainingJobName=f"sync-{TOKEN}")
    assert (result.description["stopDate"] - job["TrainingEndTime"]).total_seconds() < 15


def test_item_batcher_is_refused_rather_than_ignored(aws: Aws) -> None:
    definition = states(A={"Type": "Map", "ItemBatcher": {"MaxItemsPerBatch": 10}, "ItemProcessor": DISTRIBUTED, "End": True})
    with pytest.raises(aws.client("stepfunctions").exceptions.ClientError):
        aws.client("stepfunctions").create_state_machine(name="batcher", roleArn=ROLE, definition=json.dumps(definition))


def test_batch_jobs_are_refused_rather_than_ignored(aws: Aws) -> None:
    definition = states(A={"Type": "Task", "Resource": "arn:aws:states:::batch:submitJob", "Parameters": {}, "End": True})
    with pytest.raises(aws.client("stepfunctions").exceptions.ClientError, match="no AWS Batch"):
        aws.client("stepfunctions").create_state_machine(name="with-batch", roleArn=ROLE, definition=json.dumps(definition))
