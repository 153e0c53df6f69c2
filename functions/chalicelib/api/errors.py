"""DropLearnErrors -> HTTP: `{"error": {"code", "message", "hint", "request_id"}}`, once for the whole API."""

from __future__ import annotations

import json
from typing import TypedDict

from droplearn.contracts.errors import DropLearnError, InternalError, InvalidRequest, TransientError, Unauthenticated

JSON = "application/json"
VERSION = "x-droplearn-version"
"""Header: which service version has answered."""


class Reply(TypedDict, total=False):
    """A Lambda's answer in API Gateway's payload format 2.0."""

    statusCode: int
    headers: dict[str, str]
    body: str
    isBase64Encoded: bool


class MethodNotAllowed(InvalidRequest):
    """The path is known, the method is not."""

    http_status = 405


class UnsupportedMediaType(InvalidRequest):
    """Bodies are JSON."""

    http_status = 415


def reply_to(error: Exception, request_id: str) -> Reply:
    """Users read UserErrors and TransientErrors word for word; of all others only the request id."""
    if not isinstance(error, DropLearnError) or isinstance(error, InternalError):
        error = InternalError("internal.error", "Something went wrong on our side.", hint="Try again; if it stays, report the request id.")
    told = error.to_dict() | {"request_id": request_id}
    headers = {"content-type": JSON}
    if isinstance(error, TransientError):
        headers["retry-after"] = str(error.retry_after_s)
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = ", ".join(error.details["allowed"])
    return {
        "statusCode": error.http_status,
        "headers": headers,
        "body": json.dumps({"error": told}, ensure_ascii=False),
        "isBase64Encoded": False,
    }
