"""Serves an HTTP API on a local port: threads, keep-alive, API Gateway's limits.

Source of the limits: API Gateway developer guide, "Quotas for HTTP APIs": 10 MB payload, 30 s integration timeout.
"""

import concurrent.futures
import logging
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from moto.awslambda.utils import get_backend

from twin.http_api import cors
from twin.http_api.payload import Request, Response, event_of, message, response_of
from twin.http_api.routes import Api
from twin.lambdas.runtime import Runtime, TooManyRequests
from twin.settings import HOST

log = logging.getLogger("twin.http_api")
_BODY_LIMIT_BYTES = 10 * 1024 * 1024
_EVENT_LIMIT_BYTES = 6 * 1024 * 1024  # of the Lambda function behind
_INTEGRATION_TIMEOUT_S = 30.0
_IDLE_CONNECTION_S = 75
_THREADS = 64


class HttpApi:
    """A running HTTP API."""

    def __init__(self, api: Api, runtime: Runtime, port: int):
        self._api, self._runtime = api, runtime
        self._integrations = concurrent.futures.ThreadPoolExecutor(_THREADS, "http-api")
        self._server = _Server((HOST, port), _handler(self))

    def start(self) -> None:
        """Serve in a thread."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="http-api").start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._integrations.shutdown(wait=False, cancel_futures=True)

    def answer(self, request: Request) -> Response:
        """The response to a request, with CORS headers where they belong."""
        headers = {name.lower(): value for name, value in request.headers}
        if self._api.cors and cors.is_preflight(request.method, headers):
            return cors.preflight_response(self._api.cors, headers)
        response = self._integrate(request)
        if not self._api.cors:
            return response
        kept = [(name, value) for name, value in response.headers if not name.lower().startswith("access-control-")]
        return response._replace(headers=kept + cors.response_headers(self._api.cors, headers))

    def _integrate(self, request: Request) -> Response:
        if len(request.body) > _BODY_LIMIT_BYTES:
            return message(413, "Request Entity Too Large")
        found = self._api.find(request.method, request.target.partition("?")[0])
        if found is None:
            return message(404, "Not Found")
        route, parameters = found
        event = event_of(request, self._api, route, parameters)
        if len(event.get("body", "")) > _EVENT_LIMIT_BYTES:
            return message(413, "Request Entity Too Large")
        function = get_backend(self._api.account, self._api.region).get_function(route.function_arn, None)
        future = self._integrations.submit(self._runtime.run, function, event)
        try:
            outcome = future.result(timeout=_INTEGRATION_TIMEOUT_S)
        except concurrent.futures.TimeoutError:
            return message(503, "Service Unavailable")
        except TooManyRequests:
            return message(503, "Service Unavailable")
        if outcome.is_error:
            log.error("%s %s: %s", request.method, request.target, outcome.payload)
            return message(500, "Internal Server Error")
        response = response_of(outcome.payload)
        response.headers.append(("apigw-requestid", event["requestContext"]["requestId"]))
        return message(500, "Internal Server Error") if len(response.body) > _EVENT_LIMIT_BYTES else response


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 (socketserver gives it)
        """A caller who has gone meanwhile (Ctrl-C) is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            log.exception("an answer to %s could not be sent", client_address)


def _handler(api: HttpApi) -> type[BaseHTTPRequestHandler]:  # noqa: C901  (a class in a function: each method is simple)
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = _IDLE_CONNECTION_S
        wbufsize = -1  # one packet for head and body
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            body = self._body()
            if body is None:
                self._send(message(413, "Request Entity Too Large"), closes=True)
                return
            request = Request(self.command, self.path, self.headers.items(), body, str(self.client_address[0]))
            try:
                response = api.answer(request)
            except Exception:
                log.exception("%s %s", self.command, self.path)
                response = message(500, "Internal Server Error")
            self._send(response)

        def _body(self) -> bytes | None:
            """The request's body, or None when it is too large to be read."""
            if "chunked" in self.headers.get("transfer-encoding", ""):
                return self._chunked_body()
            length = int(self.headers.get("content-length") or 0)
            return None if length > _BODY_LIMIT_BYTES else self.rfile.read(length)

        def _chunked_body(self) -> bytes | None:
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
                if len(body) > _BODY_LIMIT_BYTES:
                    return None
            while self.rfile.readline().strip():
                pass
            return body

        def _send(self, response: Response, closes: bool = False) -> None:
            self.send_response(response.status)
            for name, value in response.headers:
                if name.lower() != "content-length":
                    self.send_header(name, value)
            if response.status not in (204, 304):
                self.send_header("content-length", str(len(response.body)))
            if closes:
                self.send_header("connection", "close")
                self.close_connection = True
            self.end_headers()
            if self.command != "HEAD" and response.status not in (204, 304):
                self.wfile.write(response.body)
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:
            log.debug(format, *args)

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
        setattr(Handler, f"do_{method}", Handler._answer)
    return Handler
