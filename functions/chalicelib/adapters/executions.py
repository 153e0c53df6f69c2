"""The port Executions on Step Functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import client, code_of, translated
from chalicelib.settings import Settings


class StepFunctionsExecutions:
    """Executions of the state machines."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def start(self, machine: str, name: str, given: Mapping[str, Any]) -> str:
        """A name that is taken belongs to the same start, sent twice: names hold the id and the attempt."""
        arn = self._settings.state_machine(machine)
        with translated():
            try:
                return str(client("stepfunctions").start_execution(stateMachineArn=arn, name=name, input=json.dumps(given))["executionArn"])
            except ClientError as error:
                if code_of(error) == "ExecutionAlreadyExists":
                    return f"{arn.replace(':stateMachine:', ':execution:')}:{name}"
                raise

    def stop(self, arn: str, cause: str) -> None:
        """Over already is fine."""
        with translated():
            try:
                client("stepfunctions").stop_execution(executionArn=arn, error="Stopped", cause=cause)
            except ClientError as error:
                if code_of(error) not in ("ExecutionDoesNotExist", "ValidationException"):
                    raise

    def is_running(self, arn: str) -> bool:
        """DescribeExecution; forgotten 90 days after its end."""
        with translated():
            try:
                return bool(client("stepfunctions").describe_execution(executionArn=arn)["status"] == "RUNNING")
            except ClientError as error:
                if code_of(error) == "ExecutionDoesNotExist":
                    return False
                raise

    def succeed(self, token: str, output: Mapping[str, Any]) -> bool:
        """SendTaskSuccess."""
        return self._answer("send_task_success", taskToken=token, output=json.dumps(output))

    def fail(self, token: str, error: str, cause: str) -> bool:
        """SendTaskFailure. Source: Step Functions API: at most 256 characters of error, 32,768 of cause."""
        return self._answer("send_task_failure", taskToken=token, error=error[:256], cause=cause[:30000])

    def _answer(self, operation: str, **given: str) -> bool:
        with translated():
            try:
                getattr(client("stepfunctions"), operation)(**given)
            except ClientError as error:
                if code_of(error) in ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken"):
                    return False
                raise
        return True
