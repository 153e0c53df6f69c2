"""What the views of all nouns share. Each view takes the fields of its name from a record."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """Made by `View.model_validate(record)`."""

    model_config = ConfigDict(from_attributes=True)


class ErrorView(View):
    """What is wrong, and what to do about it."""

    code: str
    message: str
    hint: str = ""


class LogLineView(View):
    """A line."""

    at: str
    job: str
    node: str
    message: str


class LogPage(View):
    """Lines, oldest first, job by job."""

    lines: list[LogLineView]
    next_cursor: str | None = None
