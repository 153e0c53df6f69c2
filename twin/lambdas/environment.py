"""One Lambda execution environment: a child process that keeps its globals warm between invocations."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from moto.core.utils import unix_time_millis

from twin.identity import Credentials
from twin.lambdas.program import Program, Programs

_WORKER = str(Path(__file__).with_name("worker.py"))
_TAIL_LINES = 100


class Outcome(NamedTuple):
    """What an invocation gave: the handler's answer or an error object, and the end of the log."""

    payload: Any
    is_error: bool
    log_tail: str = ""


def version_of(function: Any) -> tuple[Any, ...]:
    """A change of any of these makes AWS start new environments."""
    variables = json.dumps(function.environment_vars, sort_keys=True)
    handler = function.handler or json.dumps(function.image_config.response())
    return function.code_sha_256, function.role, handler, function.memory_size, function.timeout, variables


class Environment:
    """Starts with the role, variables and code of the function; `call` invokes the handler; one call at a time."""

    def __init__(self, function: Any, endpoint_url: str, credentials: Credentials, programs: Programs):
        self.function = function
        self.version = version_of(function)
        self.idle_since = time.monotonic()
        self._stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"
        self._replies: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._tail: list[str] = []
        function.logs_backend.ensure_log_group(function.logs_group_name)
        function.logs_backend.create_log_stream(function.logs_group_name, self._stream)
        program = programs.of(function)
        keys = credentials.of_role(function.role, function.function_name)
        self._temporary = tempfile.TemporaryDirectory(prefix="lambda-")
        self._start(program, self._variables(program, endpoint_url) | keys.for_environment())

    def _variables(self, program: Program, endpoint_url: str) -> dict[str, str]:
        function = self.function
        return {
            "PATH": os.environ["PATH"],
            "HOME": "/tmp",  # noqa: S108  (as in Lambda)
            "TZ": "UTC",
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": self._temporary.name,
            "LAMBDA_TASK_ROOT": str(program.folder),
            "AWS_ENDPOINT_URL": endpoint_url,
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_group_name,
            "AWS_LAMBDA_LOG_STREAM_NAME": self._stream,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "_HANDLER": program.handler,
            **program.variables,
            **{name: str(value) for name, value in function.environment_vars.items()},
        }

    def _start(self, program: Program, variables: dict[str, str]) -> None:
        read_end, write_end = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-P", _WORKER, program.handler],
            cwd=program.folder,
            env=variables | {"TWIN_REPLY_FD": str(write_end)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(write_end,),
            text=True,
            errors="replace",
            bufsize=1,
        )
        os.close(write_end)
        threading.Thread(target=self._read_replies, args=(read_end,), daemon=True).start()
        threading.Thread(target=self._read_log, daemon=True).start()

    def _read_replies(self, descriptor: int) -> None:
        with os.fdopen(descriptor) as replies:
            for line in replies:
                self._replies.put(json.loads(line))
        self._replies.put(None)  # the process is gone

    def _read_log(self) -> None:
        with cast(IO[str], self._process.stdout) as output:
            for line in output:
                self._tail.append(line)
                del self._tail[:-_TAIL_LINES]
                entry = {"timestamp": int(unix_time_millis()), "message": line.rstrip("\n")}
                self.function.logs_backend.put_log_events(self.function.logs_group_name, self._stream, [entry])

    def call(self, event: Any) -> Outcome:
        """Invoke the handler; a timeout or an exit of the process is an error of Lambda's own names."""
        request_id, timeout_s = str(uuid.uuid4()), int(self.function.timeout)
        self._tail.clear()
        request = {"event": event, "id": request_id, "arn": self.function.function_arn, "timeout_s": timeout_s}
        with contextlib.suppress(BrokenPipeError):
            cast(IO[str], self._process.stdin).write(json.dumps(request) + "\n")
        try:
            reply = self._replies.get(timeout=timeout_s)
        except queue.Empty:
            self.kill()
            message = f"{request_id} Task timed out after {timeout_s:.2f} seconds"
            return Outcome({"errorMessage": message, "errorType": "Sandbox.Timedout"}, True, "".join(self._tail))
        if reply is None:
            message = f"RequestId: {request_id} Error: Runtime exited with error: exit status {self._process.wait()}"
            return Outcome({"errorMessage": message, "errorType": "Runtime.ExitError"}, True, "".join(self._tail))
        is_error = "error" in reply
        return Outcome(reply["error"] if is_error else json.loads(reply["ok"]), is_error, "".join(self._tail))

    @property
    def is_usable(self) -> bool:
        """Whether the process lives and the function has not changed since it started."""
        return self._process.poll() is None and self.version == version_of(self.function)

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            cast(IO[str], self._process.stdin).close()
        self._temporary.cleanup()
