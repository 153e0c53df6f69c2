"""Tasks that wait until somebody sends their token back."""

from __future__ import annotations

from tests.contract.states_language.case import INVOKE, QUEUE_URL, Case, caught, states, stop_after, task
from tests.contract.twin_fixtures import Aws, wait_for

SEND_AND_WAIT = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
WAIT_FOR_TOKEN = {"QueueUrl": QUEUE_URL, "MessageBody": {"token.$": "$$.Task.Token", "case.$": "$$.StateMachine.Name"}}


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


CASES = [
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
    Case("token-stop", states(A=task(SEND_AND_WAIT, WAIT_FOR_TOKEN)), status="ABORTED", during=stop_after(1)),
    Case(
        "aws-sdk-update-item-wait-for-task-token",
        states(A=task("arn:aws:states:::aws-sdk:dynamodb:updateItem.waitForTaskToken", STORE_TOKEN, TimeoutSecondsPath="$.limit")),
        {"stopped": True},
        {"limit": 30},
        during=answer_stored_token,
    ),
]
