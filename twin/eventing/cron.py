"""AWS's cron expressions: minutes hours day-of-month month day-of-week year. Pure.

Source: EventBridge Scheduler user guide, "Cron-based schedules". `L`, `W` and `#` are refused.
"""

from datetime import datetime

_MONTHS = {m: i for i, m in enumerate(["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], 1)}
_DAYS = {d: i for i, d in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], 1)}


def matches_minute(expression: str, now: datetime) -> bool:
    """Whether the expression fires in the minute of `now`."""
    minute, hour, day, month, weekday, year = expression.upper().split()
    return (
        _holds(minute, now.minute, 0, 59)
        and _holds(hour, now.hour, 0, 23)
        and _holds(day, now.day, 1, 31)
        and _holds(month, now.month, 1, 12, _MONTHS)
        and _holds(weekday, now.isoweekday() % 7 + 1, 1, 7, _DAYS)
        and _holds(year, now.year, 1970, 2199)
    )


def _holds(field: str, value: int, lowest: int, highest: int, names: dict[str, int] | None = None) -> bool:
    return any(_part_holds(part, value, lowest, highest, names or {}) for part in field.split(","))


def _part_holds(part: str, value: int, lowest: int, highest: int, names: dict[str, int]) -> bool:
    text, _, step = part.partition("/")
    if text in ("*", "?"):
        first, last = lowest, highest
    else:
        ends = [names.get(end) or int(end) for end in text.split("-")]
        first, last = ends[0], ends[-1] if len(ends) > 1 or not step else highest
    return first <= value <= last and (value - first) % int(step or 1) == 0
