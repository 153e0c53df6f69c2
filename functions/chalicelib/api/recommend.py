"""Predictions of a service of tables (Q-4): `{"user_id", "count"}` -> `{code, msg, request_id, size, items, errors}`. The hot path."""

from __future__ import annotations

import json
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from chalicelib.api.errors import JSON, VERSION, Reply
from chalicelib.bootstrap import platform
from chalicelib.domain.recall_versions import tables_of, version_for
from chalicelib.service.recommending import Asked, Recommender
from droplearn.contracts.errors import CapacityUnavailable, InvalidRequest

if TYPE_CHECKING:
    from chalicelib.domain.recall import Found
    from chalicelib.domain.service import Service

MAX_COUNT, MAX_USER_BYTES = 1_000, 1_000
MERGES = ("weighted", "round_robin")
TIMING = "server-timing"
"""Header: milliseconds of our own, and of DynamoDB. Source: W3C Server Timing."""
REMEMBERED_VERSIONS = 4
"""Of all services, in one process; each remembers up to 40 MB."""


def recommend(service: Service, body: bytes, query: str, request_id: str) -> Reply:
    """Raises CapacityUnavailable (`service.not_running`)."""
    started = time.perf_counter()
    if not service.is_in_service:
        raise CapacityUnavailable("service.not_running", f"The service is {service.status}.", hint="Wait until it is RUNNING.")
    try:
        asked = asked_of(body)
        version = _version(service, query, asked.user)
    except InvalidRequest as error:
        return _reply(400, error.message, request_id, [], [error.to_dict()], started)
    recommender = _recommender(tables_of(service.id, version))
    reads_s = recommender.read_s
    found = recommender.recommend(asked)
    reply = _reply(200, "success", request_id, found, [], started, recommender.read_s - reads_s)
    return reply | {"headers": reply["headers"] | {VERSION: version}}


def _version(service: Service, query: str, user: str) -> str:
    """That was named, or the user's own. Raises InvalidRequest (`service.unknown_version`)."""
    named = dict(parse_qsl(query)).get("version")
    if named is None:
        return version_for(user, service.id, service.weights)
    if named not in service.weights:
        live = ", ".join(service.weights)
        raise InvalidRequest("service.unknown_version", f"No version {named[:20]!r} answers.", hint=f"Live: {live}.")
    return named


@lru_cache(maxsize=REMEMBERED_VERSIONS)
def _recommender(tables: str) -> Recommender:
    return Recommender(platform().recall_tables, tables)


def asked_of(body: bytes) -> Asked:
    """Raises InvalidRequest (`request.invalid`), naming the field."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _invalid("The body is no JSON") from error
    if not isinstance(told, dict):
        raise _invalid("The body is no JSON object")
    user, count, merge = told.get("user_id"), told.get("count", 10), told.get("merge", MERGES[0])
    if not _is_user(user):
        raise _invalid(f"user_id is missing, no text, or longer than {MAX_USER_BYTES} bytes")
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_COUNT:
        raise _invalid(f"count is no whole number from 1 to {MAX_COUNT}")
    if merge not in MERGES:
        raise _invalid(f"merge is none of: {', '.join(MERGES)}")
    return Asked(str(user), count, merge)


def _is_user(user: object) -> bool:
    if isinstance(user, bool) or not isinstance(user, str | int):
        return False
    try:
        return 0 < len(str(user).encode()) <= MAX_USER_BYTES
    except UnicodeEncodeError:  # half a character
        return False


def _invalid(what: str) -> InvalidRequest:
    return InvalidRequest("request.invalid", f"{what}.", hint='Send {"user_id": "...", "count": 10}.')


def _reply(
    code: int, message: str, request_id: str, found: list[Found], errors: list[dict[str, Any]], started: float, reads_s: float = 0.0
) -> Reply:
    items = [{"item_id": one.item, "retrieve_id": one.strategy} for one in found]
    told = {"code": code, "msg": message, "request_id": request_id, "size": len(items), "items": items, "errors": errors}
    body = json.dumps(told, ensure_ascii=False)
    own_s = time.perf_counter() - started - reads_s
    return {
        "statusCode": code,
        "headers": {"content-type": JSON, TIMING: f"own;dur={own_s * 1000:.2f}, reads;dur={reads_s * 1000:.2f}"},
        "body": body,
        "isBase64Encoded": False,
    }
