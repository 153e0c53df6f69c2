"""Cursors of lists: opaque to callers, checked when they come back."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from droplearn.contracts.errors import InvalidRequest


def encode_cursor(position: dict[str, Any] | None) -> str | None:
    """base64url of JSON; None stays None."""
    if not position:
        return None
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, fields: set[str] | None = None, **fixed: Any) -> dict[str, Any] | None:
    """Raises InvalidRequest (`cursor.invalid`) unless it has exactly these `fields`, all text (None: any), and the `fixed` values."""
    if not cursor:
        return None
    try:
        position = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeError, ValueError, RecursionError) as error:
        raise invalid_cursor() from error
    if not isinstance(position, dict) or any(position.get(name) != value for name, value in fixed.items()):
        raise invalid_cursor()
    if fields is not None and (set(position) != fields or not all(isinstance(v, str) for v in position.values())):
        raise invalid_cursor()
    return dict(position)


def invalid_cursor() -> InvalidRequest:
    """For a cursor that only AWS can judge, too."""
    return InvalidRequest("cursor.invalid", "The cursor is not one that this list gave.", hint="Begin without a cursor.")
