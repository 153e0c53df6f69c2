"""Delete a model: marked by the request, deleted by the state machine `delete`, which may be cut off and begin anew at any place.

The mark goes last, with the model. What others say of it stays: its task tells when it was deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from chalicelib.domain.evaluation import Evaluation, evaluations_of
from chalicelib.domain.model import Model
from chalicelib.domain.preview_link import previews_of
from chalicelib.domain.service import Service, services_of
from chalicelib.domain.service_version import number_of
from chalicelib.domain.task import ENDED
from chalicelib.domain.times import text_of
from chalicelib.domain.trial import trial_calls_of
from chalicelib.domain.uses import kept_runs, run_of_evaluation
from chalicelib.ports import Platform
from chalicelib.service.billed_jobs import evaluation_job
from chalicelib.service.deleting import HasTime, delete_below, delete_objects, delete_records
from chalicelib.service.finding import find_model, listed
from chalicelib.service.model_claims import too_busy
from chalicelib.service.model_uses import uses_of_model
from chalicelib.service.versions import version_of
from droplearn.contracts.errors import Conflict
from droplearn.contracts.s3_layout import (
    evaluation_inputs_prefix,
    evaluation_prefix,
    exports_prefix,
    service_models_prefix,
    task_prefix,
    trial_inputs_prefix,
)
from droplearn.contracts.versions import ARCHIVE_FILE

TRIES = 10
SHOWN = 5


def ask_to_delete_model(platform: Platform, model_id: str) -> Model:
    """Twice is as good as once. Raises NotFound (`model.unknown`, `model.deleted`), Conflict (`model.in_use`), TransientError
    (`model.busy`).
    """
    for _ in range(TRIES):
        model = find_model(platform, model_id)
        marked = model if model.deleting_since else _mark(platform, model)
        if marked is not None:
            _mark_task(platform, marked)
            start_deletion(platform, model_id)
            return marked
    raise too_busy()


def start_deletion(platform: Platform, model_id: str) -> None:
    """Each request may, since the one before may have failed; of the same millisecond one is enough."""
    moment = "".join(filter(str.isdigit, text_of(platform.now())))
    platform.executions.start("delete", f"{model_id}-{moment}", {"model_id": model_id})


def _mark(platform: Platform, model: Model) -> Model | None:
    """None: somebody claimed it meanwhile, or marked it."""
    if uses := uses_of_model(platform, model):
        raise _in_use(model, uses)
    only_if: dict[str, list[Any]] = {"claim_count": [model.claim_count], "deleting_since": [None]}
    return platform.models.change(model.id, {"deleting_since": text_of(platform.now())}, only_if=only_if)


def _mark_task(platform: Platform, model: Model) -> None:
    """It cannot be restarted any more. If it was, a moment ago, the model is its."""
    if platform.tasks.get(model.task) is None:
        return
    if platform.tasks.change(model.task, {"model_deleted_at": model.deleting_since}, only_if={"status": ENDED}) is None:
        platform.models.change(model.id, {"deleting_since": None}, only_if={"deleting_since": [model.deleting_since]})
        raise _in_use(model, [model.task])


def _in_use(model: Model, uses: list[str]) -> Conflict:
    more = f" and {len(uses) - SHOWN} more" if len(uses) > SHOWN else ""
    return Conflict(
        "model.in_use",
        f"Model {model.id} is used by {', '.join(uses[:SHOWN])}{more}.",
        hint="Stop them, or wait until they are over.",
        details={"used_by": uses},
    )


def delete_model(platform: Platform, model_id: str, has_time: HasTime) -> bool:
    """False: time is short, and there is more. Whatever is gone already is fine."""
    model = platform.models.get(model_id)
    if model is None or model.deleting_since is None:
        return True
    steps: list[Callable[[], bool]] = [
        lambda: _delete_links(platform, model, has_time),
        lambda: all(_delete_evaluation(platform, model, one, has_time) for one in _evaluations(platform, model)),
        lambda: all(delete_below(platform, prefix, has_time) for prefix in _prefixes(model)),
        lambda: _delete_copies(platform, model, has_time),
        lambda: _delete_trials(platform, model, has_time),
    ]
    if not all(step() for step in steps):
        return False
    platform.models.remove(model_id)
    return True


def _prefixes(model: Model) -> list[str]:
    """The task's files are the model's: archive, variants, checkpoints."""
    return [task_prefix(model.task), exports_prefix(model.id), trial_inputs_prefix(model.id)]


def _claimed(model: Model, kind: str) -> list[str]:
    """What lists may not show yet."""
    return [claim["subject"] for claim in model.claims if claim["subject"].startswith(f"{kind}-")]


def _delete_links(platform: Platform, model: Model, has_time: HasTime) -> bool:
    found = [link.id for link in listed(platform.preview_links, previews_of(model.id))]
    return delete_records(platform.preview_links, [*found, *_claimed(model, "preview")], has_time)


def _delete_trials(platform: Platform, model: Model, has_time: HasTime) -> bool:
    found = [call.id for call in listed(platform.trial_calls, trial_calls_of(model.id))]
    calls = [*found, *_claimed(model, "trial")]
    return delete_records(platform.trial_calls, calls, has_time) and delete_records(platform.trials, [model.id], has_time)


def _evaluations(platform: Platform, model: Model) -> Iterator[Evaluation]:
    known = {one.id: one for one in listed(platform.evaluations, evaluations_of(model.id))}
    claimed = [platform.evaluations.get(id_) for id_ in _claimed(model, "eval") if id_ not in known]
    yield from [*known.values(), *(one for one in claimed if one is not None)]


def _delete_evaluation(platform: Platform, model: Model, evaluation: Evaluation, has_time: HasTime) -> bool:
    prefixes = [evaluation_prefix(evaluation.id), evaluation_inputs_prefix(evaluation.id)]
    if not all(delete_below(platform, prefix, has_time) for prefix in prefixes):
        return False
    _keep_cost(platform, model, evaluation)
    platform.evaluations.remove(evaluation.id)
    return True


def _keep_cost(platform: Platform, model: Model, evaluation: Evaluation) -> None:
    """What was spent stays spent: with what the budget let in, where there was one."""
    runs = kept_runs([run_of_evaluation(evaluation, evaluation_job(model.scenario))], platform.now())
    platform.admissions.change(evaluation.execution_name, {"run": runs[0]})


def _delete_copies(platform: Platform, model: Model, has_time: HasTime) -> bool:
    """Services whose versions share the servers have copies; those that still run have none that they use."""
    for service in listed(platform.services, services_of(model.project)):
        folders = {name for name in service.all_versions if service.is_shared and _is_of(platform, service, name, model)}
        if folders and not delete_objects(platform, _archives(platform, service, folders), has_time):
            return False
    return True


def _is_of(platform: Platform, service: Service, name: str, model: Model) -> bool:
    return version_of(platform, service, number_of(name)).model == model.id


def _archives(platform: Platform, service: Service, folders: set[str]) -> Iterator[str]:
    for found in platform.artifacts.listed(service_models_prefix(service.id)):
        *_, folder, file = found.key.split("/")
        if folder in folders and file == ARCHIVE_FILE:
            yield found.key
