"""Who is going to use a model says so on the model first, in one conditional write: so nothing begins with one that is being deleted.

The other side: deleting_models.py. Why not a look at the lists: docs/decisions/0017-deleting.md.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.model import CLAIM_S, Claim, Model
from chalicelib.domain.times import moment_of, text_of
from chalicelib.ports import Platform
from chalicelib.service.finding import find_model, find_open_project
from droplearn.contracts.errors import Conflict, TransientError

TRIES = 10


def claim_model(platform: Platform, model_id: str, subject: str, attempt: int = 1) -> None:
    """Just before the record of `subject` is written. Twice is as good as once.

    Raises NotFound (`model.unknown`, `model.deleted`), Conflict (`model.being_deleted`, `project.being_deleted`), TransientError
    (`model.busy`).
    """
    for _ in range(TRIES):
        model, now = find_model(platform, model_id), platform.now()
        check_stays(platform, model)
        others = [claim for claim in fresh_claims(model, now) if claim["subject"] != subject]
        if _changed(platform, model, [*others, Claim(subject=subject, attempt=attempt, at=text_of(now))]):
            return
    raise too_busy()


def check_stays(platform: Platform, model: Model) -> None:
    """For who claims it, and for an estimate, which refuses the same. Raises NotFound (`project.unknown`), Conflict (`model.being_deleted`,
    `project.being_deleted`).
    """
    find_open_project(platform, model.project)
    if model.deleting_since:
        raise Conflict("model.being_deleted", f"Model {model.id} is being deleted.", hint="Choose another model.")


def too_busy() -> TransientError:
    """It was another's turn each time: no fault of the caller's, and worth another try."""
    return TransientError("model.busy", "Too much is started with this model at once.", hint="Try again in some seconds.")


def release_model(platform: Platform, model_id: str, subject: str) -> None:
    """It does not use it after all. Should this be lost: the claim is forgotten soon."""
    for _ in range(TRIES):
        model = platform.models.get(model_id)
        if model is None or all(claim["subject"] != subject for claim in model.claims):
            return
        if _changed(platform, model, [claim for claim in model.claims if claim["subject"] != subject]):
            return


def fresh_claims(model: Model, now: datetime) -> list[Claim]:
    """What lists may not show yet."""
    return [claim for claim in model.claims if now - moment_of(claim["at"]) < timedelta(seconds=CLAIM_S)]


def _changed(platform: Platform, model: Model, claims: list[Claim]) -> bool:
    changes = {"claims": claims, "claim_count": (model.claim_count or 0) + 1}
    only_if: dict[str, list[Any]] = {"claim_count": [model.claim_count], "deleting_since": [None]}
    return platform.models.change(model.id, changes, only_if=only_if) is not None
