"""The same Idempotency-Key again makes nothing new."""

from __future__ import annotations

import hashlib

from chalicelib.domain.request import REMEMBERED_S, Request
from chalicelib.domain.times import text_of
from chalicelib.ports import Platform
from droplearn.contracts.errors import Conflict, InvalidRequest

MAX_KEY = 100


def id_of_request(platform: Platform, *, scope: str, key: str | None, asked: str, id_to_make: str) -> str:
    """`id_to_make`, or what the same key was given before: making it again then finds it made, or goes on where it was left.

    `scope`: caller and route; `asked`: the body. Raises Conflict (`idempotency.mismatch`) when the key came with another body,
    InvalidRequest (`idempotency.key_too_long`).
    """
    if not key:
        return id_to_make
    if len(key) > MAX_KEY:
        raise InvalidRequest("idempotency.key_too_long", f"An Idempotency-Key has at most {MAX_KEY} characters.", hint="Use a UUID.")
    now, digest = platform.now(), hashlib.sha256(asked.encode()).hexdigest()
    request = Request(f"{scope}#{key}", digest, id_to_make, text_of(now), int(now.timestamp()) + REMEMBERED_S)
    known = None if platform.requests.add(request) else platform.requests.get(request.key)
    if known is None:
        return id_to_make
    if known.digest != digest:
        raise Conflict("idempotency.mismatch", "This Idempotency-Key was used for another request.", hint="Use a new key.")
    return known.made
