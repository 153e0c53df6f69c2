"""The JSON form of a question to a service of tables, and its answer. Documents and checks; the hot path handles plain dicts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class RecommendationRequest(BaseModel):
    """`merge`: how the lists of several strategies become one."""

    model_config = ConfigDict(extra="ignore")

    user_id: Annotated[str | int, Field(description="At most 1,000 bytes")]
    count: Annotated[int, Field(ge=1, le=1000)] = 10
    merge: Literal["weighted", "round_robin"] = "weighted"


class RecommendedItem(BaseModel):
    """`retrieve_id`: the strategy that recalled it."""

    item_id: str
    retrieve_id: str


class RecommendationReply(BaseModel):
    """`code` 200, or 400 with what is wrong in `msg` and `errors`. `size`: the number of items, which may be less than was asked for."""

    code: int
    msg: str
    request_id: str
    size: int
    items: list[RecommendedItem]
    errors: list[dict[str, Any]] = Field(default_factory=list)
