"""Lambda's runtime in a child process. Run as a script with the handler's name; knows nothing of the twin.

Requests come as JSON lines on stdin, answers go as JSON lines to the descriptor TWIN_REPLY_FD; stdout and stderr are the function's log.
End of file on stdin means that the twin has died: the process ends at once, also in the middle of a handler.
"""

import importlib
import json
import os
import queue
import sys
import threading
import time
import traceback
from typing import Any


class Context:
    """The second argument of each handler, with the fields of Lambda's own."""

    def __init__(self, request: dict[str, Any]):
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = "$LATEST"
        self.invoked_function_arn = request["arn"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.aws_request_id = request["id"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = None
        self.client_context = None
        self._deadline = time.monotonic() + request["timeout_s"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function times out."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def _read_requests(requests: "queue.SimpleQueue[str]") -> None:
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)


def _load(handler: str) -> Any:
    module, _, attribute = handler.rpartition(".")
    return getattr(importlib.import_module(module.replace("/", ".")), attribute)


def _failure(error: BaseException, request_id: str) -> dict[str, Any]:
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


def _answer(handler: Any, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"ok": json.dumps(handler(request["event"], Context(request)))}
    except BaseException as error:  # noqa: BLE001  (whatever a handler raises is the function's answer)
        traceback.print_exc()
        return {"error": _failure(error, request["id"])}


def main() -> None:
    """Load the handler once, then answer requests until stdin ends."""
    replies = os.fdopen(int(os.environ.pop("TWIN_REPLY_FD")), "w", buffering=1)
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()
    handler, init_error = None, None
    try:
        handler = _load(sys.argv[1])
    except BaseException as error:  # noqa: BLE001  (an error of initialisation is the answer to every invocation)
        traceback.print_exc()
        init_error = error
    while True:
        request = json.loads(requests.get())
        reply = {"error": _failure(init_error, request["id"])} if init_error else _answer(handler, request)
        sys.stdout.flush()
        sys.stderr.flush()
        replies.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
