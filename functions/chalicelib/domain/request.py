"""Remembered requests: the same Idempotency-Key again gives the same task or service (a double click makes one)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chalicelib.domain.records import ById

REMEMBERED_S = 24 * 3600


@dataclass(frozen=True)
class Request(ById):
    """`id` is of caller, route and key; `digest` of what was asked; `made` the id of what it made."""

    KIND: ClassVar[str] = "REQUEST"

    id: str
    digest: str
    made: str
    created_at: str
    expires_at: int
    updated_at: str | None = None

    @property
    def listing(self) -> None:
        """Never listed."""
        return None
