"""The Lambda `predict`: checks the token and hands the body to the endpoint, or answers from tables. The hot path: neither Powertools nor
pydantic is loaded.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import math
import time
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from chalicelib.api.errors import JSON, VERSION, Reply, reply_to
from chalicelib.bootstrap import platform
from chalicelib.domain.service import Service
from chalicelib.domain.times import text_of
from chalicelib.domain.token import Token
from chalicelib.service.identifying import identify
from chalicelib.service.invoking import invoke
from droplearn.contracts.errors import (
    CapacityUnavailable,
    DropLearnError,
    Forbidden,
    InvalidRequest,
    NotFound,
    TransientError,
    Unauthenticated,
)
from droplearn.contracts.status import Permission, ServiceStatus

logger = logging.getLogger("droplearn.predict")
REMEMBERED_S = 60.0
"""Only what cannot change behind a running endpoint: its project, and whether its versions share instances. Tokens are read for each
request, so that a revoked one is refused at once; so are services of tables, whose weights say which version answers.
"""
MAX_QUERY = 1024
BUSY_S = 1
_known: dict[str, tuple[float, Service]] = {}
_noted: dict[str, float] = {}


def handle(event: dict[str, Any], context: Any) -> Reply:
    """`POST /v1/services/{service_id}/predict`."""
    request_id = getattr(context, "aws_request_id", "") or ""
    try:
        return _predict(event, request_id)
    except (Unauthenticated, Forbidden, NotFound, InvalidRequest) as error:  # who may not ask is told in our error form
        return reply_to(error, request_id)
    except TransientError as error:
        return _unavailable(event, error)
    except Exception:
        logger.exception("request %s failed", request_id)
        return _failed(500, {"errorCode": "2001", "errorMsg": "UNKNOWN_ERROR"}, {})


def _unavailable(event: dict[str, Any], error: TransientError) -> Reply:
    told = {"errorCode": "2002", "errorMsg": "GET_INSTANCE_ERROR"}
    if dict(parse_qsl(str(event.get("rawQueryString") or ""))).get("details") == "true":
        told["detail"] = f"{error.message} {error.hint}".rstrip()
    return _failed(503, told, {"retry-after": str(error.retry_after_s)})


def _failed(status: int, told: dict[str, str], headers: dict[str, str]) -> Reply:
    """What goes wrong behind the authorisation, in the prediction form (V-5)."""
    body = json.dumps({"success": False} | told, separators=(",", ":"), ensure_ascii=False)
    return {"statusCode": status, "headers": {"content-type": JSON} | headers, "body": body, "isBase64Encoded": False}


def _predict(event: dict[str, Any], request_id: str) -> Reply:
    headers = event.get("headers") or {}
    token = identify(platform(), headers.get("authorization"))
    service_id = (event.get("pathParameters") or {}).get("service_id") or event["rawPath"].split("/")[3]
    service = _service(service_id)
    _require(token, service)
    if service.serving == "tables":
        from chalicelib.api.recommend import recommend

        reply = recommend(service, _body(event), _options(event), request_id)
        _note_use(service)
        return reply
    answer = invoke(platform(), service, _body(event), headers.get("content-type") or "application/octet-stream", _options(event))
    _note_use(service)
    is_text = answer.content_type.startswith(JSON)
    if answer.http_status >= 500 and not answer.body.startswith(b"{"):
        raise CapacityUnavailable("service.not_answering", answer.body[:200].decode(errors="replace"), hint="Try again.")
    return {
        "statusCode": answer.http_status,
        "headers": {"content-type": answer.content_type} | _version(answer.attributes) | _retry(answer.http_status),
        "body": answer.body.decode() if is_text else base64.b64encode(answer.body).decode(),
        "isBase64Encoded": not is_text,
    }


def _retry(status: int) -> dict[str, str]:
    """InvokeEndpoint passes no headers on: what the server says of itself when it is busy."""
    return {"retry-after": str(BUSY_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}


def _version(attributes: str) -> dict[str, str]:
    """Which service version has answered. Source of the form: droplearn.contracts.versions."""
    told = dict(parse_qsl(attributes)).get("version")
    return {VERSION: told} if told else {}


def _note_use(service: Service) -> None:
    """A write once in a while, per process. A prediction does not fail for want of it."""
    now = time.monotonic()
    if now - _noted.get(service.id, -math.inf) < service.noted_every_s:
        return
    _noted[service.id] = now
    try:
        platform().services.change(service.id, {"last_used_at": text_of(platform().now())}, {"status": [ServiceStatus.RUNNING.value]})
    except DropLearnError:
        logger.exception("the use of %s was not noted", service.id)


def _options(event: dict[str, Any]) -> str:
    """The query as it came. Raises InvalidRequest. Source of the limit: SageMaker Runtime, InvokeEndpoint, CustomAttributes."""
    query = str(event.get("rawQueryString") or "")
    if len(query) > MAX_QUERY or not query.isascii() or not query.isprintable():
        raise InvalidRequest("request.invalid", f"The query is no URL query of at most {MAX_QUERY} characters.", hint="Encode its values.")
    return query


def _service(service_id: str) -> Service:
    at, service = _known.get(service_id, (0.0, None))
    if service is not None and time.monotonic() - at < REMEMBERED_S:
        return service
    found = platform().services.get(service_id)
    if found is None:
        raise NotFound("service.unknown", f"There is no service {service_id!r}.", hint="Check the service's id.")
    if found.status == ServiceStatus.RUNNING and found.serving == "endpoint":
        _known[service_id] = (time.monotonic(), found)
    return found


def _require(token: Token, service: Service) -> None:
    if token.service == service.id:
        return
    token.require(Permission.PREDICT, service.project)


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode()
    try:
        return base64.b64decode(body)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("request.invalid", "The body cannot be read.", hint="Send the picture's bytes, or JSON.") from error
