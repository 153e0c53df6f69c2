"""Budgets of projects: set, shown, removed; and the guard that everything asks first that may cost something.

An admission is one conditional write to the budget: of two at the same time one finds it changed, and looks again with the other counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from chalicelib.domain.budget import (
    KEPT_S,
    NOTICE_SHARE,
    Admission,
    Budget,
    Hold,
    Notice,
    check_covered,
    left_usd,
    month_name,
    totals_of,
    usd_of,
)
from chalicelib.domain.budget_notices import notices_after, notices_of
from chalicelib.domain.prices import prices
from chalicelib.domain.times import text_of
from chalicelib.domain.uses import Hours, the_larger
from chalicelib.ports import Platform
from chalicelib.service.announcing import announce_notices
from chalicelib.service.counting_costs import is_done, is_fresh, read_costly, uses_of
from chalicelib.service.finding import find_open_project, find_project, find_task
from droplearn.contracts.errors import TransientError, UserError

TRIES = 10
MAX_SHOWN = 200


@dataclass(frozen=True)
class Ask:
    """So many hours more, for what `subject` names. It is done when that has at least `at_least` in `field`."""

    subject: str
    hours: Hours
    field: str = "attempt"
    at_least: int = 1

    @property
    def is_unlisted(self) -> bool:
        """No list of the project's need show it."""
        return self.subject.startswith("eval-") or (self.field == "attempt" and self.at_least > 1)


def admit(platform: Platform, project: str, ask: Ask) -> None:
    """Nothing happens for a project without a budget, and for what was admitted and made before.

    Raises BudgetExceeded (`budget.exceeded`, `budget.no_price`), TransientError (`budget.busy`).
    """
    if not any(ask.hours.values()):
        return
    for _ in range(TRIES):
        budget = platform.budgets.get(project)
        if budget is None or _admit_to(platform, budget, ask):
            return
    raise _busy()


def _admit_to(platform: Platform, budget: Budget, ask: Ask) -> bool:
    """False: somebody else has changed the budget meanwhile. Raises BudgetExceeded."""
    now = platform.now()
    wanted = Hold(subject=ask.subject, field=ask.field, at_least=ask.at_least, hours=ask.hours, at=text_of(now))
    if is_done(wanted, read_costly(platform, [ask.subject]).get(ask.subject)):
        return True
    fresh = [hold for hold in budget.holds if is_fresh(hold, now)]
    others = [hold for hold in fresh if not _is_same(hold, wanted)]
    wanted["hours"] = the_larger(hold["hours"] for hold in [*fresh, wanted] if _is_same(hold, wanted))
    table = prices(platform.settings.instance_prices)
    totals = totals_of(uses_of(platform, budget.project, others, now), table)
    usd = check_covered(budget, totals, wanted["hours"], table, now)
    notices = notices_after(budget, totals._replace(reserved_usd=round(totals.reserved_usd + usd, 6)), now)
    if not _change(platform, budget, {"holds": [*others, wanted], "revision": budget.revision + 1, "notices": notices}):
        return False
    _keep(platform, budget.project, ask)
    announce_notices(platform, budget.project, _without(notices, budget.notices))
    return True


def _without(notices: list[Notice], known: list[Notice]) -> list[Notice]:
    return [notice for notice in notices if notice not in known]


def _busy() -> TransientError:
    return TransientError("budget.busy", "Too much is started in this project at once.", hint="Try again in some seconds.")


def _is_same(one: Hold, other: Hold) -> bool:
    """The same request again, or another that only one of the two can be done of."""
    return (one["subject"], one["field"], one["at_least"]) == (other["subject"], other["field"], other["at_least"])


def _keep(platform: Platform, project: str, ask: Ask) -> None:
    if ask.is_unlisted:
        now = platform.now()
        id_ = f"{ask.subject}-a{ask.at_least}"
        platform.admissions.put(Admission(id_, project, ask.subject, text_of(now), int(now.timestamp()) + KEPT_S))


def note_refusal(platform: Platform, task_id: str, error: UserError) -> None:
    """The model of this task is not deployed by itself."""
    task = find_task(platform, task_id)
    told = f"The model was not deployed: {error.message} {error.hint}"
    platform.tasks.change(task_id, {"warnings": list(dict.fromkeys([*task.warnings, told]))}, only_if={"attempt": [task.attempt]})


def set_budget(platform: Platform, project: str, usd: float, by: str, notice_share: float = NOTICE_SHARE) -> Budget:
    """What runs is not touched, also when it is more than that. Raises NotFound (`project.unknown`), Conflict (`project.being_deleted`),
    TransientError (`budget.busy`).
    """
    find_open_project(platform, project)
    for _ in range(TRIES):
        known, now = platform.budgets.get(project), platform.now()
        wanted = Budget(project, usd, text_of(now), by, notice_share=notice_share)
        if known:
            wanted = replace(wanted, revision=known.revision + 1, holds=known.holds, notices=known.notices)
        totals = totals_of(uses_of(platform, project, wanted.holds, now), prices(platform.settings.instance_prices))
        wanted = replace(wanted, notices=notices_after(wanted, totals, now))
        if _write(platform, wanted, known):
            announce_notices(platform, project, _without(wanted.notices, known.notices if known else []))
            return wanted
    raise _busy()


def _write(platform: Platform, budget: Budget, known: Budget | None) -> bool:
    if known is None:
        return platform.budgets.add(budget)
    changes = {name: getattr(budget, name) for name in ("usd", "set_at", "set_by", "revision", "notice_share", "notices")}
    return _change(platform, known, changes)


def _change(platform: Platform, known: Budget, changes: dict[str, Any]) -> bool:
    """False: it is not the one that was read any more."""
    only_if: dict[str, list[Any]] = {"revision": [known.revision], "set_at": [known.set_at]}
    return platform.budgets.change(known.project, changes, only_if=only_if) is not None


def remove_budget(platform: Platform, project: str) -> None:
    """Nothing is refused any more. Twice is as good as once. Raises NotFound (`project.unknown`)."""
    find_project(platform, project)
    platform.budgets.remove(project)


def show_budget(platform: Platform, project: str) -> dict[str, Any]:
    """Also of a project without one: what it has spent. Raises NotFound (`project.unknown`)."""
    find_project(platform, project)
    budget, now = platform.budgets.get(project), platform.now()
    table = prices(platform.settings.instance_prices)
    uses = list(uses_of(platform, project, budget.holds if budget else [], now))
    totals = totals_of(uses, table)
    rows = [{"id": use.id, "spent_usd": usd_of(use.spent, table), "reserved_usd": usd_of(use.reserved, table)} for use in uses]
    costly = [row for row in rows if row["spent_usd"] != 0 or row["reserved_usd"] != 0]
    return {
        "project": project,
        "month": month_name(now),
        "budget_usd": budget.usd if budget else None,
        "set_at": budget.set_at if budget else None,
        "set_by": budget.set_by if budget else None,
        **totals._asdict(),
        "left_usd": left_usd(budget.usd, totals) if budget else None,
        "notice_share": budget.notice_share if budget else None,
        "notices": notices_of(budget, now) if budget else [],
        "costliest": sorted(costly, key=_weight)[:MAX_SHOWN],
        "prices_as_of": table.as_of,
        "prices_source": table.source,
    }


def _weight(row: dict[str, Any]) -> float:
    """What has no price comes last."""
    return -float((row["spent_usd"] or 0.0) + (row["reserved_usd"] or 0.0))
