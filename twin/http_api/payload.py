"""HTTP to payload format 2.0 and back. Pure.

Source: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway".
"""

import base64
import json
import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from twin.http_api.routes import Api, Route

_TEXT = ("text/", "application/json", "application/javascript", "application/xml", "application/x-www-form-urlencoded")


class Request(NamedTuple):
    """An HTTP request as it came."""

    method: str
    target: str
    headers: Iterable[tuple[str, str]]
    body: bytes
    source_ip: str


class Response(NamedTuple):
    """An HTTP response to send."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def message(status: int, text: str) -> Response:
    """API Gateway's own answers."""
    return Response(status, [("content-type", "application/json")], json.dumps({"message": text}).encode())


def event_of(request: Request, api: Api, route: Route, path_parameters: Mapping[str, str]) -> dict[str, Any]:
    """The event that the function gets."""
    url, now = urlsplit(request.target), time.time()
    headers, cookies = _headers(request.headers)
    is_text = headers.get("content-type", "text/plain").startswith(_TEXT)
    domain = f"{api.id}.execute-api.{api.region}.amazonaws.com"
    http = {
        "method": request.method,
        "path": unquote(url.path),
        "protocol": "HTTP/1.1",
        "sourceIp": request.source_ip,
        "userAgent": headers.get("user-agent", ""),
    }
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": unquote(url.path),
        "rawQueryString": url.query,
        "headers": headers,
        "requestContext": {
            "accountId": api.account,
            "apiId": api.id,
            "domainName": domain,
            "domainPrefix": api.id,
            "http": http,
            "requestId": uuid.uuid4().hex[:16],
            "routeKey": route.key,
            "stage": "$default",
            "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": bool(request.body) and not is_text,
    }
    if request.body:
        event["body"] = request.body.decode(errors="replace") if is_text else base64.b64encode(request.body).decode()
    optional = {"cookies": cookies, "queryStringParameters": _query(url.query), "pathParameters": dict(path_parameters)}
    return event | {name: value for name, value in optional.items() if value}


def _headers(pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, str], list[str]]:
    """Lower-case names, repeated ones joined by commas; cookies apart."""
    merged: dict[str, str] = {}
    for name, value in pairs:
        name = name.lower()
        merged[name] = f"{merged[name]},{value}" if name in merged else value
    cookies = [cookie.strip() for cookie in merged.pop("cookie", "").split(";") if cookie.strip()]
    return merged, cookies


def _query(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


def response_of(payload: Any) -> Response:
    """What the function's answer means in HTTP."""
    if not isinstance(payload, dict) or "statusCode" not in payload:
        return Response(200, [("content-type", "application/json")], json.dumps(payload).encode())
    body = payload.get("body") or ""
    if not isinstance(body, str):
        body = json.dumps(body)
    headers = [(name, _header_text(value)) for name, value in (payload.get("headers") or {}).items()]
    headers += [("set-cookie", cookie) for cookie in payload.get("cookies") or []]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain; charset=utf-8"))
    content = base64.b64decode(body) if payload.get("isBase64Encoded") else body.encode()
    return Response(int(payload["statusCode"]), headers, content)


def _header_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
