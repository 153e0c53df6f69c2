"""API Gateway's payload format 2.0, made from plain requests: for tests that call the Lambdas in this process."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, quote

REQUEST = Path(__file__).parents[2] / "aws_events/http_api_request.json"
CONTEXT = SimpleNamespace(aws_request_id="11111111-2222-3333-4444-555555555555", function_name="api", memory_limit_in_mb=1024)


def event_of(method: str, path: str, query: str = "", headers: dict[str, str] | None = None, body: bytes = b"") -> dict[str, Any]:
    """`path` as on the wire (quoted). Text goes as text, all else as base64, as API Gateway does."""
    given = {"host": "api.example.com", "x-forwarded-proto": "https"} | {k.lower(): v for k, v in (headers or {}).items()}
    is_text = given.get("content-type", "").startswith(("application/json", "text/"))
    event: dict[str, Any] = json.loads(REQUEST.read_text())
    event |= {"rawPath": path, "rawQueryString": query, "headers": given, "isBase64Encoded": bool(body) and not is_text}
    event["requestContext"]["http"] |= {"method": method, "path": path}
    if body:
        event["body"] = body.decode("utf-8", "surrogateescape") if is_text else base64.b64encode(body).decode()
    if query:
        event["queryStringParameters"] = {k: ",".join(v) for k, v in parse_qs(query, keep_blank_values=True).items()}
    return event


def parsed(reply: dict[str, Any]) -> tuple[int, Any]:
    body = reply.get("body") or ""
    return reply["statusCode"], json.loads(body) if body else None


def wsgi_app(handler: Callable[[dict[str, Any], Any], Any]) -> Callable[..., Iterable[bytes]]:
    """A WSGI application in front of a Lambda handler."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        headers = {k[5:].replace("_", "-").lower(): v for k, v in environ.items() if k.startswith("HTTP_")}
        if environ.get("CONTENT_TYPE"):
            headers["content-type"] = environ["CONTENT_TYPE"]
        path = quote(environ["PATH_INFO"].encode("latin-1"), safe="/:@!$&'()*+,;=-._~")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        reply = handler(event_of(environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""), headers, body), CONTEXT)
        status = int(reply["statusCode"])
        start_response(f"{status} {HTTPStatus(status).phrase}", [(k, v) for k, v in (reply.get("headers") or {}).items()])
        text = reply.get("body") or ""
        return [base64.b64decode(text) if reply.get("isBase64Encoded") else text.encode()]

    return app
