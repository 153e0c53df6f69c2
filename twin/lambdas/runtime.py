"""Runs functions: takes a warm environment or starts one, limits concurrency, retries asynchronous invocations, ends idle environments."""

import concurrent.futures
import json
import logging
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from moto.sqs.models import sqs_backends

from twin.identity import Credentials
from twin.lambdas.environment import Environment, Outcome
from twin.lambdas.program import Programs
from twin.sagemaker.containers import CannotStartContainer, Images
from twin.settings import idle_lambda_s

log = logging.getLogger("twin.lambdas")
_RETRY_PAUSES_S = (1.0, 2.0)  # AWS: 60 and 120 s
_ASYNC_WORKERS = 16


class TooManyRequests(Exception):
    """The function runs as often as its reserved concurrency allows."""


class Runtime:
    """All environments of one twin."""

    def __init__(self, endpoint_url: str, credentials: Credentials, code_root: Path, images: Images):
        self.code_root = code_root
        self._endpoint_url, self._credentials, self._programs = endpoint_url, credentials, Programs(code_root, images)
        self._idle: dict[str, list[Environment]] = defaultdict(list)
        self._all: set[Environment] = set()
        self._running: dict[str, int] = defaultdict(int)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._async = concurrent.futures.ThreadPoolExecutor(_ASYNC_WORKERS, "lambda-async")
        threading.Thread(target=self._end_idle, daemon=True, name="lambda-idle").start()

    def run(self, function: Any, event: Any) -> Outcome:
        """Invoke and wait.

        Raises:
            TooManyRequests: the function's reserved concurrency is used up.
        """
        arn = function.function_arn
        self._enter(function)
        try:
            try:
                environment = self._warm(arn) or self._cold(function)
            except CannotStartContainer as error:
                return Outcome({"errorMessage": str(error), "errorType": "Runtime.InvalidEntrypoint"}, True)
            outcome = environment.call(event)
            if environment.is_usable and not self._stop.is_set():
                environment.idle_since = time.monotonic()
                with self._lock:
                    self._idle[arn].append(environment)
            else:
                self._end(environment)
            return outcome
        finally:
            with self._lock:
                self._running[arn] -= 1

    def prepare(self, function: Any) -> None:
        """Start an environment in the background, before somebody asks for it."""
        self._async.submit(self._prepare, function)

    def _prepare(self, function: Any) -> None:
        environment = self._cold(function)
        with self._lock:
            self._idle[function.function_arn].append(environment)

    def run_async(self, function: Any, event: Any) -> None:
        """Invoke as an event: two retries, then the on-failure destination."""
        if not self._stop.is_set():
            self._async.submit(self._run_with_retries, function, event)

    def close(self) -> None:
        """End all environments, also those in the middle of a call."""
        self._stop.set()
        self._async.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            environments = list(self._all)
            self._idle.clear()
        for environment in environments:
            environment.kill()

    def _enter(self, function: Any) -> None:
        limit = function.reserved_concurrency
        with self._lock:
            if limit is not None and self._running[function.function_arn] >= int(limit):
                raise TooManyRequests(function.function_name)
            self._running[function.function_arn] += 1

    def _warm(self, arn: str) -> Environment | None:
        while True:
            with self._lock:
                environment = self._idle[arn].pop() if self._idle[arn] else None
            if environment is None or environment.is_usable:
                return environment
            self._end(environment)

    def _cold(self, function: Any) -> Environment:
        environment = Environment(function, self._endpoint_url, self._credentials, self._programs)
        with self._lock:
            self._all.add(environment)
        return environment

    def _end(self, environment: Environment) -> None:
        environment.kill()
        with self._lock:
            self._all.discard(environment)

    def _end_idle(self) -> None:
        limit_s = idle_lambda_s()
        while not self._stop.wait(min(limit_s, 5.0)):
            oldest = time.monotonic() - limit_s
            with self._lock:
                ended = [e for idle in self._idle.values() for e in idle if e.idle_since < oldest or not e.is_usable]
                for idle in self._idle.values():
                    idle[:] = [e for e in idle if e not in ended]
            for environment in ended:
                self._end(environment)

    def _run_with_retries(self, function: Any, event: Any) -> None:
        settings = function.event_invoke_config[0].config if function.event_invoke_config else {}
        retries = int(settings.get("MaximumRetryAttempts", len(_RETRY_PAUSES_S)))
        outcome = self._run_when_possible(function, event)
        for pause in _RETRY_PAUSES_S[:retries]:
            if not outcome.is_error or self._stop.wait(pause):
                break
            outcome = self._run_when_possible(function, event)
        if outcome.is_error and not self._stop.is_set():
            log.warning("asynchronous invocation of %s failed: %s", function.function_name, outcome.payload)
            _send_to_failure_destination(function, settings, event, outcome.payload)

    def _run_when_possible(self, function: Any, event: Any) -> Outcome:
        while True:
            try:
                return self.run(function, event)
            except TooManyRequests:
                self._stop.wait(0.05)
            except Exception as error:
                log.exception("cannot run %s", function.function_name)
                return Outcome({"errorMessage": str(error), "errorType": type(error).__name__}, True)


def _send_to_failure_destination(function: Any, settings: dict[str, Any], event: Any, payload: Any) -> None:
    target = ((settings.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination", "")
    queue = target or (function.dead_letter_config or {}).get("TargetArn", "") if hasattr(function, "dead_letter_config") else target
    if ":sqs:" in queue:
        body = {"version": "1.0", "requestPayload": event, "responsePayload": payload}
        sqs_backends[function.account_id][function.region].send_message(queue.rsplit(":", 1)[-1], json.dumps(body))
