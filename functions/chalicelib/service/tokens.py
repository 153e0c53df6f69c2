"""Make and revoke tokens. Checking them: identifying.py."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from chalicelib.domain.times import text_of
from chalicelib.domain.token import ALL, Token, hash_of, new_secret, shown
from chalicelib.ports import Platform
from chalicelib.service.finding import find
from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.ids import check_name, new_id
from droplearn.contracts.status import Permission

KEPT_AFTER_END_S = 30 * 24 * 3600


class Made(NamedTuple):
    """A new token, and what its owner is shown once."""

    token: Token
    secret: str


class TokenOrder(NamedTuple):
    """`valid_for_s` None: until it is revoked."""

    permissions: list[Permission]
    projects: list[str]
    description: str = ""
    valid_for_s: int | None = None
    service: str | None = None
    created_by: str | None = None


def create_token(platform: Platform, order: TokenOrder) -> Made:
    """Raises InvalidRequest (`name.invalid`, `token.without_permission`)."""
    for project in order.projects:
        if project != ALL:
            check_name(project, "project")
    if not order.permissions or not order.projects:
        raise InvalidRequest(
            "token.without_permission", "A token needs at least one permission and one project.", hint='All projects: ["*"].'
        )
    now, secret = platform.now(), new_secret()
    ends = now + timedelta(seconds=order.valid_for_s) if order.valid_for_s is not None else None
    token = Token(
        id=new_id("token"),
        secret_sha256=hash_of(secret),
        permissions=[point.value for point in order.permissions],
        projects=order.projects,
        created_at=text_of(now),
        description=order.description,
        service=order.service,
        valid_until=text_of(ends) if ends else None,
        expires_at=int(ends.timestamp()) + KEPT_AFTER_END_S if ends else None,
        created_by=order.created_by,
    )
    platform.tokens.add(token)
    return Made(token, shown(token.id, secret))


def revoke_token(platform: Platform, token_id: str) -> Token:
    """Twice is fine. Raises NotFound (`token.unknown`)."""
    token = find(platform.tokens, token_id, "token")
    now = platform.now()
    if token.revoked_at is not None:
        return token
    ended = {"revoked_at": text_of(now), "updated_at": text_of(now), "expires_at": int(now.timestamp()) + KEPT_AFTER_END_S}
    return platform.tokens.change(token_id, ended) or token


def issue_admin_token(platform: Platform) -> str:
    """The first token. Whoever may invoke the Lambda of this name may make one."""
    return create_token(platform, TokenOrder([Permission.ADMIN], [ALL], "admin")).secret
