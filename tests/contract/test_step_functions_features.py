"""What of Amazon States Language works on the twin. Guards the pin of moto, whose interpreter the twin repairs.

All cases run at the same time on one bare twin; each test looks at one result.
"""

from __future__ import annotations

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.states_language import expressions, flow, jobs, maps, services, tokens
from tests.contract.states_language.case import (
    CHILD,
    FAILING_CHILD,
    QUEUE_URL,
    ROLE,
    SLEEP,
    SLOW_CHILD,
    TOKEN,
    Case,
    Result,
    last,
    states,
    training,
)
from tests.contract.states_language.maps import DISTRIBUTED
from tests.contract.twin_fixtures import REGION, Aws, wait_for

CASES = [case for kind in (services, jobs, tokens, flow, maps, expressions) for case in kind.CASES]


def job_status(aws: Aws, name: str) -> str:
    return str(aws.client("sagemaker").describe_training_job(TrainingJobName=f"{name}-{TOKEN}")["TrainingJobStatus"])


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
