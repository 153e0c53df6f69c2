"""Links to a preview: `<id>_<secret>` in a URL. Only the secret's hash is kept."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import ClassVar

from chalicelib.domain.records import ById
from chalicelib.domain.token import hash_of
from droplearn.contracts.errors import NotFound

MIN_LIFE_S, DEFAULT_LIFE_S, MAX_LIFE_S = 60, 3600, 7 * 24 * 3600


@dataclass(frozen=True)
class PreviewLink(ById):
    """Whoever has it may see the model's name and figures and run the model on their own device."""

    KIND: ClassVar[str] = "PREVIEW"

    id: str
    secret_sha256: str
    model: str
    project: str
    created_at: str
    valid_until: str
    expires_at: int
    """Seconds since 1970: when DynamoDB may forget it. Checked by `valid_until`, since forgetting takes up to days."""
    created_by: str | None = None

    @property
    def listing(self) -> tuple[str, str]:
        """A model's links by time."""
        return previews_of(self.model), self.id


def previews_of(model: str) -> str:
    """The listing."""
    return f"MODEL#{model}#PREVIEWS"


def signed(link_id: str, secret: str) -> str:
    """What the URL holds."""
    return f"{link_id}_{secret}"


def parse(text: str) -> tuple[str, str]:
    """(id, secret). Raises NotFound (`preview.unknown`)."""
    link_id, _, secret = text.partition("_")
    if not link_id or not secret or len(text) > 200 or not text.isascii():
        raise unknown()
    return link_id, secret


def unknown() -> NotFound:
    """The same answer whatever is wrong with it."""
    return NotFound("preview.unknown", "This link is unknown, revoked or expired.", hint="Ask for a new one.")


def check(link: PreviewLink | None, secret: str, now: str) -> PreviewLink:
    """Raises NotFound (`preview.unknown`). Times are ISO 8601 in UTC, so that they compare as text."""
    is_same = hmac.compare_digest(link.secret_sha256 if link else hash_of(""), hash_of(secret))
    if link is None or not is_same or link.valid_until <= now:
        raise unknown()
    return link
