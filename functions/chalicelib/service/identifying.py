"""Who calls. By itself, because the hot path needs it and nothing else of the tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.domain.times import text_of
from chalicelib.domain.token import Token, check, parse

if TYPE_CHECKING:
    from chalicelib.ports import Platform


def identify(platform: Platform, authorization: str | None) -> Token:
    """The caller. Raises Unauthenticated (`token.missing`, `token.invalid`)."""
    token_id, secret = parse(authorization)
    return check(platform.tokens.get(token_id), secret, text_of(platform.now()))
