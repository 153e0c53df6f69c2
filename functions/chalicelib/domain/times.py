"""Times as text: ISO 8601 in UTC with milliseconds and `Z`, like the state machines' own, so that they compare as text."""

from __future__ import annotations

from datetime import UTC, datetime


def text_of(moment: datetime) -> str:
    """`2026-11-22T02:34:21.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_of(text: str) -> datetime:
    """The reverse."""
    return datetime.fromisoformat(text)
