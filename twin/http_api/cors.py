"""CORS as API Gateway answers it from the API's configuration. Pure.

Source: API Gateway developer guide, "Configure CORS for HTTP APIs in API Gateway".
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from twin.http_api.payload import Response

Headers = list[tuple[str, str]]


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks before it sends the real request."""
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def preflight_response(configuration: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """The answer to a preflight request: 204, with what is allowed."""
    found = response_headers(configuration, headers)
    if found:
        for name in ("AllowMethods", "AllowHeaders"):
            if values := configuration.get(name):
                found.append((f"access-control-{name.replace('Allow', 'allow-').lower()}", ",".join(values)))
        if (age := configuration.get("MaxAge")) is not None:
            found.append(("access-control-max-age", str(int(age))))
    return Response(204, found, b"")


def response_headers(configuration: Mapping[str, Any], headers: Mapping[str, str]) -> Headers:
    """The headers that an allowed origin gets on every response."""
    origin = headers.get("origin")
    allowed = configuration.get("AllowOrigins") or []
    if origin is None or not any(fnmatchcase(origin, pattern) for pattern in allowed):
        return []
    found = [("access-control-allow-origin", "*" if "*" in allowed else origin)]
    if configuration.get("AllowCredentials"):
        found.append(("access-control-allow-credentials", "true"))
    if exposed := configuration.get("ExposeHeaders"):
        found.append(("access-control-expose-headers", ",".join(exposed)))
    return found
