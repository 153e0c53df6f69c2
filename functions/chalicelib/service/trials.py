"""One free prediction: counted before it is made, given back when it failed through us, kept in the history."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from chalicelib.domain.model import Model
from chalicelib.domain.times import text_of
from chalicelib.domain.trial import (
    KEPT_S,
    MAX_KEPT_ANSWER_BYTES,
    MAX_KEPT_INPUT_BYTES,
    MAX_KEPT_INPUTS,
    WINDOW_S,
    Quota,
    Trial,
    TrialCall,
)
from chalicelib.ports import Platform, TrialAnswer, TrialQuestion
from chalicelib.service.finding import find, find_model
from chalicelib.service.model_claims import claim_model, release_model
from chalicelib.service.variants import check_variant
from droplearn.contracts.errors import Conflict, Throttled
from droplearn.contracts.ids import new_id
from droplearn.contracts.optimisation import AS_TRAINED
from droplearn.contracts.s3_layout import trial_input_key

LINK_S = 300
_TRIES = 8


@dataclass(frozen=True)
class TrialOrder:
    """The same body as a service takes. `query`: its options. `variant`: of the model."""

    model: str
    body: bytes
    content_type: str
    query: str = ""
    variant: str = AS_TRAINED


class Tried(NamedTuple):
    """An answer in the prediction form, also where it is an error, and what is left."""

    http_status: int
    answer: dict[str, Any]
    quota: Quota


class _Input(NamedTuple):
    name: str | None
    content: bytes


def try_model(platform: Platform, order: TrialOrder, limit: int) -> Tried:
    """Raises NotFound (`model.unknown`, `model.deleted`), Conflict (`variant.not_published`, `model.being_deleted`),
    Throttled (`trial.used_up`), InvalidRequest (`model.unusable`, ...), TransientError.
    """
    model, call_id = find_model(platform, order.model), new_id("trial")
    archive = check_variant(model, order.variant)
    claim_model(platform, model.id, call_id)
    try:
        return _try(platform, model, archive, order, limit, call_id)
    except Exception:
        release_model(platform, model.id, call_id)
        raise


def _try(platform: Platform, model: Model, archive: str, order: TrialOrder, limit: int, call_id: str) -> Tried:
    trial = _reserve(platform, model, limit)
    url = platform.links.to_artifact(archive.removeprefix(platform.artifacts.uri("")), LINK_S)
    try:
        answer = platform.trial_runner.answer(TrialQuestion(archive, url, order.body, order.content_type, order.query))
    except Exception:
        _give_back(platform, trial)
        raise
    is_ours = answer.http_status >= 500
    _keep(platform, call_id, trial, order, answer, is_counted=not is_ours)
    counted = _give_back(platform, trial) if is_ours else trial
    return Tried(answer.http_status, json.loads(answer.body), quota_of(platform, counted, limit))


def read_quota(platform: Platform, model: Model, limit: int) -> Quota:
    """Without using any of it."""
    return quota_of(platform, platform.trials.get(model.id), limit)


def quota_of(platform: Platform, trial: Trial | None, limit: int) -> Quota:
    """As of now."""
    now = platform.now()
    if trial is None or trial.used == 0 or trial.resets_at() <= now:
        return Quota(limit, 0, None, 0)
    return Quota(limit, trial.used, text_of(trial.resets_at()), round((trial.resets_at() - now).total_seconds()))


def input_link(platform: Platform, call: TrialCall, total: int) -> str | None:
    """None where the input was too large, or twenty others came since."""
    if not call.is_input_kept or call.number <= total - MAX_KEPT_INPUTS:
        return None
    return platform.links.to_artifact(trial_input_key(call.model, call.number % MAX_KEPT_INPUTS), LINK_S)


def _reserve(platform: Platform, model: Model, limit: int) -> Trial:
    """Counts one more, or raises. Several callers at once: each write holds only if nobody else wrote since."""
    for _ in range(_TRIES):
        now = platform.now()
        trial = _count_of(platform, model)
        is_over = trial.resets_at() <= now
        used, started_at = (0, text_of(now)) if is_over or trial.used == 0 else (trial.used, trial.window_started_at)
        if used >= limit:
            raise _used_up(quota_of(platform, trial, limit))
        changes = {"used": used + 1, "total": trial.total + 1, "window_started_at": started_at, "updated_at": text_of(now)}
        if (counted := platform.trials.change(model.id, changes, only_if=_unchanged(trial))) is not None:
            return counted
    raise Conflict("trial.busy", "Too many trials of this model at once.", hint="Try again in some seconds.")


def _count_of(platform: Platform, model: Model) -> Trial:
    """The first trial of a model finds none."""
    fresh = Trial(model.id, model.project, text_of(platform.now()), 0, 0)
    return platform.trials.get(model.id) or (fresh if platform.trials.add(fresh) else find(platform.trials, model.id, "trial"))


def _unchanged(trial: Trial) -> dict[str, list[Any]]:
    return {"used": [trial.used], "total": [trial.total], "window_started_at": [trial.window_started_at]}


def _used_up(quota: Quota) -> Throttled:
    error = Throttled(
        "trial.used_up",
        f"The {quota.limit} trials of this model within {WINDOW_S // 3600} h are used.",
        hint=f"They are renewed at {quota.resets_at}; or deploy the model as a service." if quota.resets_at else "Deploy the model.",
        details={"limit": quota.limit, "remaining": 0, "resets_at": quota.resets_at, "resets_in_s": quota.resets_in_s},
    )
    error.retry_after_s = quota.resets_in_s or WINDOW_S
    return error


def _give_back(platform: Platform, reserved: Trial) -> Trial | None:
    """In the window that it was taken from; a later one owes nothing."""
    for _ in range(_TRIES):
        trial = platform.trials.get(reserved.id)
        if trial is None or trial.window_started_at != reserved.window_started_at or trial.used == 0:
            return trial
        if (changed := platform.trials.change(trial.id, {"used": trial.used - 1}, only_if=_unchanged(trial))) is not None:
            return changed
    return platform.trials.get(reserved.id)


def _keep(platform: Platform, call_id: str, trial: Trial, order: TrialOrder, answer: TrialAnswer, *, is_counted: bool) -> None:
    given = _input_of(order)
    is_input_kept = 0 < len(given.content) <= MAX_KEPT_INPUT_BYTES
    if is_input_kept:
        platform.artifacts.write(trial_input_key(trial.id, trial.total % MAX_KEPT_INPUTS), given.content)
    now = platform.now()
    call = TrialCall(
        id=call_id,
        project=trial.project,
        model=trial.id,
        number=trial.total,
        created_at=text_of(now),
        input_name=given.name,
        input_sha256=hashlib.sha256(given.content).hexdigest(),
        input_bytes=len(given.content),
        content_type=order.content_type,
        http_status=answer.http_status,
        is_counted=is_counted,
        is_input_kept=is_input_kept,
        variant=order.variant,
        answer=json.loads(answer.body) if len(answer.body) <= MAX_KEPT_ANSWER_BYTES else None,
        load_s=answer.load_s,
        answer_s=answer.answer_s,
        expires_at=int(now.timestamp()) + KEPT_S,
    )
    platform.trial_calls.add(call)


def _input_of(order: TrialOrder) -> _Input:
    """The first entry of the JSON form, decoded; else the body as it is."""
    try:
        entry = json.loads(order.body)["dataArray"][0]
        name = entry.get("name")
        return _Input(str(name)[:200] if name else None, base64.b64decode(entry["body"], validate=True))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, binascii.Error):
        return _Input(None, order.body)
