"""The execution API: optional names, error and cause of StopExecution and SendTaskFailure, outputs with times, status-change events."""

import json
import time
import uuid
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from twin.changes import changes
from twin.eventing.bus import put_event

_BEGIN_S = 60
"""A thread of a busy machine begins much earlier."""


def install() -> None:
    """Install all repairs of this module."""
    _install_start()
    _install_end()
    StepFunctionResponse.describe_execution = _describe_execution
    StepFunctionResponse.stop_execution = _stop_execution
    StepFunctionResponse.send_task_failure = _send_task_failure


def announce(execution: Any) -> None:
    """Emit the event "Step Functions Execution Status Change".

    Source: AWS Step Functions developer guide, "Automating Step Functions event delivery with EventBridge".
    """

    def milliseconds(when: Any) -> int | None:
        return int(when.timestamp() * 1000) if when else None

    detail = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": str(getattr(execution.exec_status, "value", execution.exec_status)),
        "startDate": milliseconds(execution.start_date),
        "stopDate": milliseconds(execution.stop_date),
        "input": json.dumps(execution.input_data),
        "output": json.dumps(execution.output) if execution.output is not None else None,
        "error": execution.error,
        "cause": execution.cause,
    }
    kind = "Step Functions Execution Status Change"
    put_event(execution.account_id, execution.region_name, "aws.states", kind, detail, [execution.exec_arn])


def _install_start() -> None:
    start = StepFunctionsParserBackend.start_execution

    def start_execution(
        backend: Any,
        state_machine_arn: str,
        name: str | None = None,
        execution_input: str | None = None,
        trace_header: str | None = None,
    ) -> Any:
        return start(backend, state_machine_arn, name or str(uuid.uuid4()), execution_input, trace_header)

    run = Execution.start

    def announce_and_run(execution: Any) -> None:
        execution.exec_status = ExecutionStatus.RUNNING
        announce(execution)  # before it runs: a short one would announce its end first
        run(execution)

    StepFunctionsParserBackend.start_execution = start_execution
    Execution.start = announce_and_run


def _install_end() -> None:
    reflect, terminated = BaseExecutionWorkerCommunication._reflect_execution_status, BaseExecutionWorkerCommunication.terminated

    def reflect_status(self: Any) -> None:
        reflect(self)  # a time in the output makes DescribeExecution fail
        self.execution.output = json.loads(to_json_str(self.execution.output))

    def terminated_and_announced(self: Any) -> None:
        terminated(self)
        self.execution.exec_worker.env.callback_pool_manager._pool.clear()
        changes.announce()
        announce(self.execution)

    BaseExecutionWorkerCommunication._reflect_execution_status = reflect_status
    BaseExecutionWorkerCommunication.terminated = terminated_and_announced


def _describe_execution(self: Any) -> ActionResult:
    """As moto, which gives an output that is a text without its quotes, and no stop date of what timed out."""
    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    answer = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.start_date,
        "stopDate": execution.stop_date,
        "input": execution.execution_input,
        "error": execution.error,
        "cause": execution.cause,
    }
    if execution.status == ExecutionStatus.SUCCEEDED:
        answer |= {"output": json.dumps(execution.output), "outputDetails": execution.output_details}
    return ActionResult({name: value for name, value in answer.items() if value is not None})


def _stop_execution(self: Any) -> ActionResult:
    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    error, cause = self._get_param("error"), self._get_param("cause")
    deadline = time.monotonic() + _BEGIN_S
    while execution.exec_worker is not None and execution.exec_worker.env is None and time.monotonic() < deadline:
        time.sleep(0.005)  # its thread has not begun yet
    if execution.status == "RUNNING":
        execution.error, execution.cause = error, cause
        execution.stop(stop_date=utcnow(), error=error, cause=cause)
    return ActionResult({"stopDate": utcnow()})


def _send_task_failure(self: Any) -> EmptyResult:
    token, error, cause = (self._get_param(name) for name in ("taskToken", "error", "cause"))
    self.stepfunction_backend.send_task_failure(token, error=error, cause=cause)
    return EmptyResult()
