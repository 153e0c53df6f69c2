"""`/v1/models/{model}/preview-links` and `/v1/preview-links/{link}`. The page behind a link: preview_page.py."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import Field

from chalicelib.api.calling import caller, page_url, require
from chalicelib.api.parameters import Cursor, Limit
from chalicelib.api.qr import as_svg, as_text
from chalicelib.api.views import View
from chalicelib.bootstrap import platform
from chalicelib.domain.preview_link import DEFAULT_LIFE_S, MAX_LIFE_S, MIN_LIFE_S
from chalicelib.service import preview_links
from chalicelib.service.finding import find_model
from droplearn.contracts.document import Part
from droplearn.contracts.status import Permission

router: Router = Router()  # type: ignore[no-untyped-call]


class NewPreviewLink(Part):
    """A link to be."""

    valid_for_s: Annotated[int, Field(ge=MIN_LIFE_S, le=MAX_LIFE_S)] = DEFAULT_LIFE_S


class PreviewLinkView(View):
    """A link, without the secret that opens it."""

    id: str
    model: str
    created_at: str
    created_by: str | None = Field(description="Id of the token that made it")
    valid_until: str


class PreviewLinkPage(View):
    """Links that still open, newest first; a page may hold fewer than there were asked for."""

    preview_links: list[PreviewLinkView]
    next_cursor: str | None = None


class NewPreviewLinkView(PreviewLinkView):
    """As it is shown this once: whoever has it can open the page."""

    url: str
    qr: str = Field(description="The URL as a QR code, SVG")
    qr_text: str = Field(description="The same for a terminal")


@router.post("/v1/models/<model>/preview-links", status_code=201, summary="Make a link to a model's preview", tags=["models"])
def create_preview_link(model: str, link: NewPreviewLink) -> NewPreviewLinkView:
    """A page that runs the model itself in a phone's browser. Needs DeployService."""
    require(Permission.DEPLOY_SERVICE, find_model(platform(), model).project)
    made = preview_links.create_link(platform(), model, link.valid_for_s, caller().id)
    url = page_url(made.signed)
    return NewPreviewLinkView.model_validate(vars(made.link) | {"url": url, "qr": as_svg(url), "qr_text": as_text(url)})


@router.get("/v1/models/<model>/preview-links", summary="List the links to a model's preview", tags=["models"])
def list_preview_links(model: str, limit: Limit = 100, cursor: Cursor = None) -> PreviewLinkPage:
    """Those that still open; their URLs were shown when they were made. Needs ListProject."""
    found = find_model(platform(), model)
    require(Permission.LIST_PROJECT, found.project)
    page = preview_links.links_of(platform(), found, limit, cursor)
    return PreviewLinkPage(preview_links=[PreviewLinkView.model_validate(link) for link in page.items], next_cursor=page.cursor)


@router.delete("/v1/preview-links/<link>", status_code=204, summary="Revoke a link to a preview", tags=["models"])
def revoke_preview_link(link: str) -> Response[None]:
    """At once; a page that is open stays open. Needs DeployService."""
    found = preview_links.find_link(platform(), link)
    require(Permission.DEPLOY_SERVICE, found.project)
    preview_links.revoke_link(platform(), found)
    return Response(status_code=204, body=None)
