"""Cron expressions of EventBridge."""

from datetime import datetime

import pytest

from twin.eventing.cron import matches_minute


@pytest.mark.parametrize(
    ("expression", "when", "expected"),
    [
        ("* * * * ? *", "2026-01-01T00:00", True),
        ("0/15 * * * ? *", "2026-01-01T00:45", True),
        ("0/15 * * * ? *", "2026-01-01T00:46", False),
        ("5 3 * * ? *", "2026-01-01T03:05", True),
        ("5 3 * * ? *", "2026-01-01T04:05", False),
        ("0 12 ? * MON-FRI *", "2026-01-02T12:00", True),
        ("0 12 ? * MON-FRI *", "2026-01-03T12:00", False),
        ("0 12 ? * SUN *", "2026-01-04T12:00", True),
        ("0 0 1 JAN,JUL ? 2026", "2026-07-01T00:00", True),
        ("0 0 1 JAN,JUL ? 2027", "2026-07-01T00:00", False),
    ],
)
def test_minute_matches(expression: str, when: str, expected: bool) -> None:
    assert matches_minute(expression, datetime.fromisoformat(when)) is expected
