"""The HTTP API's pure parts: which route answers, what the function gets, what the caller gets."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from twin.http_api import cors
from twin.http_api.payload import Request, event_of, response_of
from twin.http_api.routes import Api, Route
from twin.http_api.server import _Server


def api(*keys: str) -> Api:
    routes = sorted((Route(key, f"arn:{key}") for key in keys), key=Route.specificity)
    return Api("abc", "123456789012", "eu-west-1", tuple(routes))


def request(target: str = "/v1/x", method: str = "GET", body: bytes = b"", **headers: str) -> Request:
    return Request(method, target, [(name.replace("_", "-"), value) for name, value in headers.items()], body, "127.0.0.1")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/v1/services/s1/predict", ("POST /v1/services/{id}/predict", {"id": "s1"})),
        ("GET", "/v1/services/s1/predict", ("ANY /v1/services/{id}/predict", {"id": "s1"})),
        ("POST", "/v1/services/own/predict", ("POST /v1/services/own/predict", {})),
        ("GET", "/v1/services/a%20b", ("GET /v1/services/{id}", {"id": "a b"})),
        ("GET", "/files/a/b", ("GET /files/{path+}", {"path": "a/b"})),
        ("GET", "/v1/services/s1/other", ("$default", {})),
        ("GET", "/", ("$default", {})),
    ],
)
def test_most_specific_route_wins(method: str, path: str, expected: tuple[str, dict[str, str]]) -> None:
    routes = api(
        "$default",
        "GET /files/{path+}",
        "ANY /v1/services/{id}/predict",
        "POST /v1/services/{id}/predict",
        "POST /v1/services/own/predict",
        "GET /v1/services/{id}",
    )
    found = routes.find(method, path)
    assert found is not None
    assert (found[0].key, found[1]) == expected


def test_no_route_is_no_function() -> None:
    assert api("GET /a").find("GET", "/b") is None


def event(sent: Request) -> dict[str, Any]:
    one = api("$default")
    return event_of(sent, one, one.routes[0], {})


def test_event_has_payload_format_2() -> None:
    made = event(request("/v1/a%20b?x=1&x=2&y=", "POST", b'{"a": 1}', Content_Type="application/json", Cookie="a=1; b=2", X_A="1", x_a="2"))
    assert made["version"] == "2.0"
    assert made["rawPath"] == "/v1/a b"
    assert made["rawQueryString"] == "x=1&x=2&y="
    assert made["queryStringParameters"] == {"x": "1,2", "y": ""}
    assert made["headers"] == {"content-type": "application/json", "x-a": "1,2"}
    assert made["cookies"] == ["a=1", "b=2"]
    assert (made["body"], made["isBase64Encoded"]) == ('{"a": 1}', False)
    assert made["requestContext"]["http"]["method"] == "POST"


def test_bytes_come_in_base64() -> None:
    made = event(request(method="POST", body=b"\xff\xd8", Content_Type="image/jpeg"))
    assert made["isBase64Encoded"]
    assert base64.b64decode(made["body"]) == b"\xff\xd8"


def test_answer_with_a_status_is_sent_as_it_is() -> None:
    answer = response_of({"statusCode": 201, "headers": {"x": "1", "content-type": "text/html"}, "cookies": ["a=1"], "body": "é"})
    assert (answer.status, answer.body) == (201, "é".encode())
    assert answer.headers == [("x", "1"), ("content-type", "text/html"), ("set-cookie", "a=1")]


def test_bytes_go_out_from_base64() -> None:
    answer = response_of({"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(b"\x00").decode()})
    assert answer.body == b"\x00"


def test_answer_without_a_status_is_json() -> None:
    answer = response_of(["a"])
    assert (answer.status, answer.headers, answer.body) == (200, [("content-type", "application/json")], b'["a"]')


CORS = {"AllowOrigins": ["https://a.example"], "AllowMethods": ["GET", "POST"], "AllowHeaders": ["authorization"], "MaxAge": 60}


def test_preflight_is_answered_for_an_allowed_origin() -> None:
    headers = {"origin": "https://a.example", "access-control-request-method": "POST"}
    assert cors.is_preflight("OPTIONS", headers)
    answer = cors.preflight_response(CORS, headers)
    assert answer.status == 204
    assert dict(answer.headers) == {
        "access-control-allow-origin": "https://a.example",
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "authorization",
        "access-control-max-age": "60",
    }


def test_other_origins_get_no_headers() -> None:
    assert cors.response_headers(CORS, {"origin": "https://b.example"}) == []
    assert cors.response_headers(CORS, {}) == []
    assert cors.response_headers({"AllowOrigins": ["*"]}, {"origin": "x"}) == [("access-control-allow-origin", "*")]


@pytest.mark.parametrize(("error", "is_told"), [(BrokenPipeError(), False), (ConnectionResetError(), False), (ValueError("x"), True)])
def test_a_caller_who_has_gone_is_no_error(error: Exception, is_told: bool, caplog: pytest.LogCaptureFixture) -> None:
    server = object.__new__(_Server)
    try:
        raise error
    except (OSError, ValueError):
        server.handle_error(None, ("127.0.0.1", 1))
    assert bool(caplog.records) is is_told
