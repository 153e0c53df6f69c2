"""When so much of a budget is used that its project should know: told once for each share and month.

What was spent and what is reserved grow together only by admissions, by a change of the budget, and at a month's begin: what ends gives
back what it did not use. So whoever admits or sets looks, and writes what it finds with the same conditional write; nothing else has to.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.domain.budget import TOLERANCE_USD, Budget, Notice, Totals, month_name
from chalicelib.domain.times import text_of

WHOLE = 1.0


def notices_after(budget: Budget, totals: Totals, now: datetime) -> list[Notice]:
    """All that the budget is to keep, once it has come to these totals."""
    told = notices_of(budget, now)
    known = {notice["share"] for notice in told}
    shares = sorted({budget.notice_share, WHOLE} - known)
    passed = [share for share in shares if _is_passed(share, budget.usd, *totals[:2])]
    return [*told, *(_notice(share, budget, totals, now) for share in passed)]


def notices_of(budget: Budget, now: datetime) -> list[Notice]:
    """This month's. One that was told of a smaller budget and is none of this one does not count: it may be told again."""
    month = month_name(now)
    return [
        told
        for told in budget.notices
        if told["month"] == month and _is_passed(told["share"], budget.usd, told["spent_usd"], told["reserved_usd"])
    ]


def _is_passed(share: float, budget_usd: float, spent_usd: float, reserved_usd: float) -> bool:
    used = spent_usd + reserved_usd
    return used > 0 and used >= share * budget_usd - TOLERANCE_USD


def _notice(share: float, budget: Budget, totals: Totals, now: datetime) -> Notice:
    return Notice(
        month=month_name(now),
        share=share,
        at=text_of(now),
        budget_usd=budget.usd,
        spent_usd=totals.spent_usd,
        reserved_usd=totals.reserved_usd,
    )
