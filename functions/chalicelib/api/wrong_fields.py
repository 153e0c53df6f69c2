"""What pydantic finds wrong with a request, in words: not in errors.py, since the hot path does not load pydantic."""

from __future__ import annotations

from typing import Any

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.ids import NAME_FORM, NAME_PATTERN


def invalid_request(problems: Any) -> InvalidRequest:
    """From what pydantic found; names the fields, without the values."""
    named = [f"{_field(p)}: {_told(p)}" for p in problems]
    return InvalidRequest("request.invalid", "; ".join(named[:3]), hint="Correct the named field.", details={"problems": named[:20]})


def _told(problem: Any) -> str:
    """Pydantic's words, but for a pattern that nobody can read."""
    if problem["type"] == "string_pattern_mismatch" and problem.get("ctx", {}).get("pattern") == NAME_PATTERN:
        return NAME_FORM
    return str(problem["msg"]).removeprefix("Value error, ")


def _field(problem: Any) -> str:
    if problem["type"] == "json_invalid":  # then the place is a number of characters
        return "body"
    return ".".join(str(part) for part in problem["loc"] if part != "body") or "body"
