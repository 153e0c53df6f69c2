"""Query parameters and headers that several routes have."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Header, Query

Limit = Annotated[int, Query(ge=1, le=1000, description="At most so many items a page")]
FewRows = Annotated[int, Query(ge=1, le=100, description="At most so many rows a page")]
Cursor = Annotated[str | None, Query(max_length=4096, description="`next_cursor` of the page before")]
RequestKey = Annotated[
    str | None, Header(alias="Idempotency-Key", max_length=100, description="The same key again (within a day) makes nothing new")
]
