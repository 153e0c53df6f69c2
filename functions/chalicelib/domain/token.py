"""Tokens: `dlt_<id>_<secret>`. Only the secret's hash is kept. Also what a caller may do."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import ClassVar

from chalicelib.domain.records import ById
from droplearn.contracts.errors import Forbidden, Unauthenticated
from droplearn.contracts.status import Permission

ALL = "*"
PREFIX = "dlt"


@dataclass(frozen=True)
class Token(ById):
    """`permissions` are permission points, `projects` names or `*`; `service`: good for predictions of this service only."""

    KIND: ClassVar[str] = "TOKEN"
    LISTED_IN: ClassVar[str] = "TOKENS"

    id: str
    secret_sha256: str
    permissions: list[str]
    projects: list[str]
    created_at: str
    description: str = ""
    service: str | None = None
    valid_until: str | None = None
    expires_at: int | None = None
    """Seconds since 1970: when DynamoDB may forget it. Checked by `valid_until`, since forgetting takes up to days."""
    revoked_at: str | None = None
    created_by: str | None = None
    updated_at: str | None = None

    @property
    def listing(self) -> tuple[str, str]:
        """All tokens by time."""
        return self.LISTED_IN, self.id

    def may(self, point: Permission, project: str | None) -> bool:
        """`project` None: the point is asked for as such, whatever the projects. Admin may everything in its projects."""
        has_point = point.value in self.permissions or Permission.ADMIN.value in self.permissions
        return self.service is None and has_point and self.reaches(project)

    def reaches(self, project: str | None) -> bool:
        """Whether the project is among its projects."""
        return project is None or ALL in self.projects or project in self.projects

    def require(self, point: Permission, project: str | None) -> None:
        """Raises Forbidden (`forbidden.permission`), naming what is missing."""
        if not self.may(point, project):
            where = f" in project {project!r}" if project else ""
            raise Forbidden(
                "forbidden.permission",
                f"This token lacks the permission {point.value}{where}.",
                hint="Ask an administrator for a token with this permission.",
                details={"permission": point.value},
            )

    def require_admin(self) -> None:
        """Of the whole installation: Admin in all projects."""
        self.require(Permission.ADMIN, ALL)


def new_secret() -> str:
    """256 random bits; letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """A secret of 256 random bits needs no slow hash: there is nothing to guess from."""
    return hashlib.sha256(secret.encode()).hexdigest()


def shown(token_id: str, secret: str) -> str:
    """What the owner keeps."""
    return f"{PREFIX}_{token_id}_{secret}"


def parse(authorization: str | None) -> tuple[str, str]:
    """(id, secret) of `Authorization: [Bearer] <token>`. Raises Unauthenticated (`token.missing`, `token.invalid`)."""
    if not authorization or not authorization.strip():
        raise Unauthenticated("token.missing", "The request has no token.", hint="Send the header `Authorization: Bearer <token>`.")
    scheme, _, rest = authorization.strip().partition(" ")
    given = rest.strip() if scheme.lower() == "bearer" else authorization.strip()
    prefix, _, tail = given.partition("_")
    token_id, _, secret = tail.partition("_")
    if prefix != PREFIX or not token_id or not secret or len(given) > 200 or not given.isascii():
        raise invalid()
    return token_id, secret


def invalid() -> Unauthenticated:
    """The same answer whatever is wrong with it."""
    return Unauthenticated("token.invalid", "The token is unknown, revoked or expired.", hint="Ask an administrator for a new token.")


def check(token: Token | None, secret: str, now: str) -> Token:
    """Raises Unauthenticated (`token.invalid`). `now` and the token's times are ISO 8601 in UTC, so that they compare as text."""
    known = token.secret_sha256 if token else hash_of("")
    is_same = hmac.compare_digest(known, hash_of(secret))
    if token is None or not is_same or token.revoked_at or (token.valid_until and token.valid_until <= now):
        raise invalid()
    return token
