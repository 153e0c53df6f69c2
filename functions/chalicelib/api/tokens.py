"""`/v1/tokens`: for administrators of the whole installation (Admin in all projects)."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import Field

from chalicelib.api.calling import caller
from chalicelib.api.parameters import Cursor, Limit
from chalicelib.api.token_views import NewTokenView, TokenPage, TokenView
from chalicelib.bootstrap import platform
from chalicelib.domain.token import Token
from chalicelib.service import tokens
from droplearn.contracts.document import Part
from droplearn.contracts.ids import NAME_PATTERN
from droplearn.contracts.status import Permission

router: Router = Router()  # type: ignore[no-untyped-call]

MAX_LIFE_S = 10 * 365 * 24 * 3600
ProjectOrAll = Annotated[str, Field(pattern=rf"{NAME_PATTERN}|^\*$", description="A project's name, or `*` for all")]


class NewToken(Part):
    """A token to be."""

    permissions: Annotated[list[Permission], Field(min_length=1, max_length=len(Permission))]
    projects: Annotated[list[ProjectOrAll], Field(min_length=1, max_length=100)]
    description: Annotated[str, Field(max_length=200)] = ""
    valid_for_s: Annotated[int, Field(ge=60, le=MAX_LIFE_S)] | None = None


@router.post("/v1/tokens", status_code=201, summary="Create a token", tags=["tokens"])
def create_token(token: NewToken) -> NewTokenView:
    """The secret is shown this once. Needs Admin in all projects."""
    caller().require_admin()
    order = tokens.TokenOrder(token.permissions, token.projects, token.description, token.valid_for_s, created_by=caller().id)
    made = tokens.create_token(platform(), order)
    return NewTokenView.model_validate(vars(made.token) | {"token": made.secret})


@router.get("/v1/tokens", summary="List the tokens", tags=["tokens"])
def list_tokens(limit: Limit = 100, cursor: Cursor = None) -> TokenPage:
    """Newest first, without secrets. Needs Admin in all projects."""
    caller().require_admin()
    page = platform().tokens.page(Token.LISTED_IN, limit, cursor, is_newest_first=True)
    return TokenPage(tokens=[TokenView.model_validate(t) for t in page.items], next_cursor=page.cursor)


@router.delete("/v1/tokens/<token>", status_code=204, summary="Revoke a token", tags=["tokens"])
def revoke_token(token: str) -> Response[None]:
    """At once. Needs Admin in all projects."""
    caller().require_admin()
    tokens.revoke_token(platform(), token)
    return Response(status_code=204, body=None)
