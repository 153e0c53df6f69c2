"""What callers see of tokens."""

from __future__ import annotations

from chalicelib.api.views import View


class TokenView(View):
    """A token without its secret."""

    id: str
    description: str
    permissions: list[str]
    projects: list[str]
    service: str | None
    created_at: str
    valid_until: str | None
    revoked_at: str | None


class NewTokenView(TokenView):
    """With the secret, which is shown this once."""

    token: str


class TokenPage(View):
    """Tokens, newest first."""

    tokens: list[TokenView]
    next_cursor: str | None = None
