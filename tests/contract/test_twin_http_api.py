"""The HTTP API's server: routes to functions, API Gateway's own answers and limits, keep-alive. Functions are stood in for."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from twin.http_api import server as http_server
from twin.http_api.routes import Api, Route
from twin.lambdas.environment import Outcome
from twin.running import free_port


class StandInRuntime:
    """Answers as the function of the route would."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def run(self, function: str, event: dict[str, Any]) -> Outcome:
        match function:
            case "fails":
                return Outcome({"errorType": "ValueError", "errorMessage": "secret"}, True)
            case "slow":
                self.released.wait(30)
        return Outcome({"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}, False)


class StandInFunctions:
    @staticmethod
    def get_function(arn: str, _qualifier: None) -> str:
        return arn


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(http_server, "get_backend", lambda *_: StandInFunctions)
    monkeypatch.setattr(http_server, "_INTEGRATION_TIMEOUT_S", 0.3)
    routes = [Route("ANY /echo/{id}", "echo"), Route("GET /fails", "fails"), Route("GET /slow", "slow")]
    runtime, port = StandInRuntime(), free_port()
    api = http_server.HttpApi(Api("abc", "123456789012", "eu-west-1", tuple(routes)), runtime, port)  # type: ignore[arg-type]
    api.start()
    yield port
    runtime.released.set()
    api.close()


@pytest.fixture
def connection(port: int) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    yield made
    made.close()


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_request_reaches_the_function_of_its_route(connection: http.client.HTTPConnection) -> None:
    status, body = ask(connection, "POST", "/echo/7?a=1", b'{"x": 1}', **{"content-type": "application/json"})
    event = json.loads(body)
    assert status == 200
    assert (event["routeKey"], event["pathParameters"], event["body"]) == ("ANY /echo/{id}", {"id": "7"}, '{"x": 1}')


def test_connection_is_kept(connection: http.client.HTTPConnection) -> None:
    ask(connection, "GET", "/echo/1")
    first = connection.sock
    ask(connection, "GET", "/echo/2")
    assert connection.sock is first


def test_head_has_no_body_and_the_connection_goes_on(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "HEAD", "/echo/1") == (200, b"")
    assert ask(connection, "GET", "/echo/1")[0] == 200


def test_unknown_route_is_not_found(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "GET", "/nothing") == (404, b'{"message": "Not Found"}')


def test_error_of_the_function_is_not_shown(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "GET", "/fails") == (500, b'{"message": "Internal Server Error"}')


def test_function_that_takes_too_long_is_unavailable(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "GET", "/slow") == (503, b'{"message": "Service Unavailable"}')


def test_body_above_ten_megabytes_is_refused_unread(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("POST", "/echo/1")
    connection.putheader("content-length", str(11 * 1024 * 1024))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_body_above_the_limit_of_functions_is_refused(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "POST", "/echo/1", b"x" * (7 * 1024 * 1024))[0] == 413


def test_chunked_body_is_read(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/echo/1", body=iter([b"ab", b"c"]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    assert json.loads(connection.getresponse().read())["body"] == "abc"
