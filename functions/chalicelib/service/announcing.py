"""Tells the account of what its budgets have come to. What counts is in the budget; this is said once, and nobody waits for it."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from chalicelib.domain.budget import Notice
from chalicelib.ports import Platform
from droplearn.contracts.errors import DropLearnError

logger = logging.getLogger("droplearn.budgets")
BUDGET_SHARE_USED = "Budget Share Used"


def announce_notices(platform: Platform, project: str, notices: Iterable[Notice]) -> None:
    """Nothing is refused because nobody could be told."""
    for notice in notices:
        try:
            platform.announcer.announce(BUDGET_SHARE_USED, {"project": project, **notice})
        except DropLearnError:
            logger.exception("The notice that %.0f %% of the budget of %s are used was not sent", notice["share"] * 100, project)
