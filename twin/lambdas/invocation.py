"""Puts the runtime in the place of moto's Docker: every invocation (API, S3, EventBridge) ends in LambdaFunction.invoke."""

import base64
import json
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.core.exceptions import JsonRESTError

from twin.lambdas.runtime import Runtime, TooManyRequests

_SYNC_LIMIT_BYTES = 6 * 1024 * 1024  # Source: AWS Lambda developer guide, "Lambda quotas"
_ASYNC_LIMIT_BYTES = 1024 * 1024


class RequestTooLarge(JsonRESTError):
    """413, as Lambda answers a payload above its limit."""

    code = 413


class TooManyRequestsError(JsonRESTError):
    """429, as Lambda answers above the reserved concurrency."""

    code = 429


def install(runtime: Runtime) -> None:
    """Let moto's functions run in the runtime."""

    def invoke(function: Any, body: Any, request_headers: Any, response_headers: Any) -> bytes:
        raw = body if isinstance(body, bytes) else (body or "").encode()
        # moto's own callers (S3, EventBridge, logs) pass no headers: they are asynchronous in AWS
        kind = _header(request_headers, "x-amz-invocation-type") if request_headers else "Event"
        _check_size(len(raw), _ASYNC_LIMIT_BYTES if kind == "Event" else _SYNC_LIMIT_BYTES)
        if kind == "DryRun":
            return b""
        event = json.loads(raw) if raw else {}
        if kind == "Event":
            runtime.run_async(function, event)
            return b""
        return _invoke_and_wait(runtime, function, event, response_headers)

    LambdaFunction.invoke = invoke


def _invoke_and_wait(runtime: Runtime, function: Any, event: Any, response_headers: Any) -> bytes:
    try:
        outcome = runtime.run(function, event)
    except TooManyRequests:
        raise TooManyRequestsError("TooManyRequestsException", "Rate Exceeded.") from None
    answer = json.dumps(outcome.payload).encode()
    is_error = outcome.is_error
    if len(answer) > _SYNC_LIMIT_BYTES:
        message = f"Response payload size ({len(answer)} bytes) exceeded maximum allowed payload size ({_SYNC_LIMIT_BYTES} bytes)."
        is_error = True
        answer = json.dumps({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}).encode()
    if is_error:
        response_headers["x-amz-function-error"] = "Unhandled"
    response_headers["x-amz-log-result"] = base64.b64encode(outcome.log_tail[-4096:].encode()).decode()
    return answer


def _header(headers: Any, name: str) -> str:
    return next((value for key, value in dict(headers).items() if key.lower() == name), "RequestResponse")


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        message = f"{size} byte payload is too large for the Invoke operation (limit {limit} bytes)"
        raise RequestTooLarge("RequestTooLargeException", message)
