"""A project's budget: so much a calendar month (UTC). What it is measured against, and the verdict about what is asked.

What runs is counted with all that it may still cost, also where that lies in the next month: so the sum of what was spent and what is
reserved, once it fits, can never outgrow the budget, and neither can the next month's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple, TypedDict

from chalicelib.domain.prices import Prices
from chalicelib.domain.records import ById
from chalicelib.domain.uses import SERVERLESS, Hours, Use
from droplearn.contracts.errors import BudgetExceeded

MAX_USD = 10_000_000
NOTICE_SHARE = 0.8
HOLD_S = 300
"""Lists may be behind, and what was admitted may not be written yet: for so long it is looked up, or counted by its admission."""
LOOK_BACK_DAYS = 40
"""Before the month: longer than anything runs without being restarted."""
KEPT_S = 100 * 24 * 3600
TOLERANCE_USD = 1e-6
"""Sums of rounded prices differ by so much."""


class Hold(TypedDict):
    """What was admitted a moment ago. It is done when the record of `subject` has at least `at_least` in `field`."""

    subject: str
    field: str
    at_least: int
    hours: Hours
    at: str


class Notice(TypedDict):
    """That so much of a budget was spent or reserved: `share`, and how it stood then."""

    month: str
    share: float
    at: str
    budget_usd: float
    spent_usd: float
    reserved_usd: float


@dataclass(frozen=True)
class Budget:
    """Of the project that it is named after. `revision` grows with each admission and change: of two at the same time one looks again."""

    KIND: ClassVar[str] = "BUDGET"

    project: str
    usd: float
    set_at: str
    set_by: str
    revision: int = 0
    holds: list[Hold] = field(default_factory=list)
    notice_share: float = NOTICE_SHARE
    """A notice when so much of it is used; another at all of it."""
    notices: list[Notice] = field(default_factory=list)
    """This month's (budget_notices.py)."""
    updated_at: str | None = None

    @property
    def key(self) -> str:
        """The project."""
        return self.project

    @property
    def listing(self) -> None:
        """Never listed."""
        return None


@dataclass(frozen=True)
class Admission(ById):
    """Of what no list of the project's shows in time: restarts of what is old, and evaluations. `id`: the attempt's execution."""

    KIND: ClassVar[str] = "ADMISSION"

    id: str
    project: str
    subject: str
    admitted_at: str
    expires_at: int
    updated_at: str | None = None
    run: dict[str, Any] | None = None
    """What was used, once the subject is deleted."""
    attempt: ClassVar[int] = 1
    """Of a subject that is deleted."""

    @property
    def listing(self) -> tuple[str, str]:
        """A project's, by time."""
        return admissions_of(self.project), f"{self.admitted_at}#{self.id}"


class Totals(NamedTuple):
    """`without_price`: ids of what costs something that the price table does not know; it is not in the sums."""

    spent_usd: float
    reserved_usd: float
    without_price: list[str]


def admissions_of(project: str) -> str:
    """The listing."""
    return f"PROJECT#{project}#ADMISSIONS"


def month_of(now: datetime) -> datetime:
    """Its begin."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_name(now: datetime) -> str:
    """`2026-11`."""
    return f"{month_of(now):%Y-%m}"


def usd_of(hours: Hours, prices: Prices) -> float | None:
    """None: the table does not know one of the types."""
    by_type = {name: count for name, count in hours.items() if name != SERVERLESS and count}
    usd = prices.per_hour(by_type)
    if not hours.get(SERVERLESS):
        return usd
    return None if usd is None or prices.usd_per_gb_second is None else round(usd + hours[SERVERLESS] * 3600 * prices.usd_per_gb_second, 6)


def totals_of(uses: Iterable[Use], prices: Prices) -> Totals:
    """Of all of them."""
    spent = reserved = 0.0
    unknown: list[str] = []
    for use in uses:
        costs = usd_of(use.spent, prices), usd_of(use.reserved, prices)
        spent, reserved = spent + (costs[0] or 0.0), reserved + (costs[1] or 0.0)
        if None in costs:
            unknown.append(use.id)
    return Totals(round(spent, 6), round(reserved, 6), unknown)


def left_usd(budget_usd: float, totals: Totals) -> float:
    """Below 0 when the budget was lowered."""
    return round(budget_usd - totals.spent_usd - totals.reserved_usd, 6)


def check_covered(budget: Budget, totals: Totals, asked: Hours, prices: Prices, now: datetime) -> float:
    """What it may cost, in USD. Raises BudgetExceeded (`budget.exceeded`, `budget.no_price`)."""
    usd, left = usd_of(asked, prices), left_usd(budget.usd, totals)
    details: dict[str, Any] = {
        "month": month_name(now),
        "budget_usd": budget.usd,
        "spent_usd": totals.spent_usd,
        "reserved_usd": totals.reserved_usd,
        "left_usd": left,
        "asked_usd": usd,
    }
    if usd is None:
        unknown = ", ".join(sorted(name for name in asked if usd_of({name: 1.0}, prices) is None))
        raise BudgetExceeded(
            "budget.no_price",
            f"The price table does not know what {unknown} costs, and project {budget.project!r} has a budget.",
            hint="Choose another instance type, or add its price by the parameter InstancePrices.",
            details=details,
        )
    if usd > left + TOLERANCE_USD:
        raise BudgetExceeded(
            "budget.exceeded",
            f"This may cost up to {usd:.2f} USD; of the month's budget of {budget.usd:.2f} USD {max(0.0, left):.2f} USD are left "
            f"({totals.spent_usd:.2f} spent, {totals.reserved_usd:.2f} reserved by what runs).",
            hint="Allow a shorter max_runtime_s, take smaller or fewer instances, stop what runs, or set a higher budget.",
            details=details,
        )
    return usd
