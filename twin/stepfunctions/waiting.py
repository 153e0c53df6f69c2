"""How task and wait states wait: woken by changes instead of slow polling, ended at once when the execution is stopped."""

import datetime
import logging
import threading
import time
import types
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback as callback
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import StateTaskServiceSfn
from moto.stepfunctions.parser.asl.component.state.wait.wait_function import timestamp, wait_function
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramStopped
from moto.stepfunctions.parser.asl.utils import boto_client

from twin.changes import changes

log = logging.getLogger("twin.stepfunctions")
_SYNC_POLL_S = 1.0  # changes wake earlier
_SLICE_S = 0.5
_CANCEL_TRIES = 5


def install() -> None:
    """Install all repairs of this module."""
    callback.time = types.SimpleNamespace(sleep=lambda _seconds: changes.wait(_SYNC_POLL_S))
    callback.StateTaskServiceCallback._eval_wait_for_task_token = _wait_for_task_token
    wait_function.WaitFunction._wait_interval = _wait_interval
    timestamp.Timestamp._get_wait_seconds = _seconds_until
    _install_stop()
    _install_retry_sleep()
    _install_cancellation()


def sleep_while_running(env: Any, seconds: float) -> None:
    """Sleep, but end early when the execution ends."""
    end = time.monotonic() + seconds
    while env.is_running() and (left := end - time.monotonic()) > 0:
        env.program_state_event.wait(min(left, _SLICE_S))


def _wait_interval(_self: Any, env: Any, wait_seconds: float) -> None:
    sleep_while_running(env, wait_seconds)


def _seconds_until(self: Any, env: Any) -> float:
    """Moto compares with naive local time, in whole seconds (up to one second early), and knows no offset."""
    self.string.eval(env=env)
    text = env.stack.pop()
    try:
        when = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (ValueError, AttributeError):
        raise FailureEventException(self._create_failure_event(env, text)) from None
    if when.tzinfo is None or "T" not in text:
        raise FailureEventException(self._create_failure_event(env, text))
    return (when - datetime.datetime.now(datetime.UTC)).total_seconds()


def _wait_for_task_token(self: Any, env: Any, timeout_seconds: float, callback_endpoint: Any, heartbeat_endpoint: Any) -> Any:
    if heartbeat_endpoint is not None:
        outcome = self._wait_for_task_token_heartbeat(env, callback_endpoint, heartbeat_endpoint)
    else:
        outcome, end = None, time.monotonic() + timeout_seconds
        while env.is_running() and (left := end - time.monotonic()) > 0:
            outcome = callback_endpoint.wait(min(left, _SLICE_S))
            if outcome is not None or callback_endpoint._notify_event.is_set():
                break
    return outcome if outcome is not None else callback.CallbackOutcomeTimedOut(callback_id=callback_endpoint.callback_id)


def _install_stop() -> None:
    """An execution that is stopped is ABORTED at once, and stays so; moto waits for its present state to end, whose error may win."""
    set_stop, set_error, set_timed_out = Environment.set_stop, Environment.set_error, Environment.set_timed_out

    def stop(env: Any, *arguments: Any, **named: Any) -> None:
        set_stop(env, *arguments, **named)
        if finished := env.__dict__.get("twin_finished"):
            finished.set()

    def unless_stopped(method: Any) -> Any:
        def call(env: Any, *arguments: Any, **named: Any) -> None:
            if not isinstance(env._program_state, ProgramStopped):
                method(env, *arguments, **named)

        return call

    def run(program: Any, env: Any) -> None:
        timeout_s = program.timeout_seconds.timeout_seconds if program.timeout_seconds else None
        env.next_state_name = program.start_at.start_at_name
        env.twin_finished = finished = threading.Event()

        def work() -> None:
            try:
                EvalComponent.eval(program, env)
            finally:
                finished.set()

        threading.Thread(target=work, daemon=True).start()
        if not finished.wait(timeout_s):
            env.set_timed_out()

    Environment.set_stop = stop
    Environment.set_error, Environment.set_timed_out = unless_stopped(set_error), unless_stopped(set_timed_out)
    Program.eval = run


def _install_retry_sleep() -> None:
    evaluated = threading.local()
    original = retrier_decl.RetrierDecl._eval_body

    def evaluate(retrier: Any, env: Any) -> None:
        evaluated.env = env
        original(retrier, env)

    retrier_decl.RetrierDecl._eval_body = evaluate
    retrier_decl.time = types.SimpleNamespace(sleep=lambda seconds: sleep_while_running(evaluated.env, seconds))


def _cancel(task: Any, *arguments: Any) -> None:
    """Again when a busy machine did not answer; what AWS would refuse, too, is told once."""
    for _ in range(_CANCEL_TRIES):
        try:
            return task.cancel(*arguments)
        except (ClientError, AttributeError) as error:
            return log.warning("cannot stop what %s started: %s", task.resource.resource_arn, error)
        except BotoCoreError as error:
            log.warning("what %s started is not stopped yet: %s", task.resource.resource_arn, error)
            time.sleep(_SLICE_S)
    return None


def _install_cancellation() -> None:
    """AWS stops the job or execution that a stopped or timed-out `.sync` task waits for; moto only leaves its loop."""
    evaluate = callback.StateTaskServiceCallback._eval_integration_pattern

    def evaluate_or_cancel(self: Any, env: Any, resource_runtime_part: Any, normalised_parameters: Any, state_credentials: Any) -> None:
        submitted = env.stack[-1]
        failure: Exception | None = None
        try:
            evaluate(self, env, resource_runtime_part, normalised_parameters, state_credentials)
        except Exception as error:  # noqa: BLE001  (raised again below)
            failure = error
        is_sync = self.resource.condition in (callback.ResourceCondition.Sync, callback.ResourceCondition.Sync2)
        if is_sync and (isinstance(failure, TimeoutError) or not env.is_running()):
            _cancel(self, resource_runtime_part, normalised_parameters, state_credentials, submitted)
        if failure is not None:
            raise failure

    def cancel_execution(_self: Any, resource: Any, _parameters: Any, credentials: Any, submitted: Any) -> None:
        client = boto_client.boto_client_for(service="stepfunctions", region=resource.region, state_credentials=credentials)
        client.stop_execution(executionArn=submitted["ExecutionArn"], cause="the parent execution ended")

    callback.StateTaskServiceCallback._eval_integration_pattern = evaluate_or_cancel
    StateTaskServiceSfn.cancel = cancel_execution
