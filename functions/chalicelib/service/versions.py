"""Versions of a service: another model, or another share of the traffic, while the service answers.

Each is one execution of `update`, and a service has at most one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from chalicelib.domain.failure import problem_of
from chalicelib.domain.service import Service
from chalicelib.domain.service_version import MAX_LIVE_VERSIONS, MAX_VERSIONS, ServiceUpdate, ServiceVersion, variant_of
from chalicelib.domain.times import moment_of, text_of
from chalicelib.domain.uses import Hours, most_instances, reserved_s, together
from chalicelib.ports import Platform
from chalicelib.service.budgets import Ask, admit
from chalicelib.service.finding import find_model, find_service
from chalicelib.service.model_claims import claim_model
from chalicelib.service.variants import check_variant
from droplearn.contracts.errors import Conflict, DropLearnError, InvalidRequest
from droplearn.contracts.ids import new_id
from droplearn.contracts.optimisation import AS_TRAINED
from droplearn.contracts.status import ServiceStatus

BEGUN_WITHIN_S = 60
"""From taking the service to the start of the update's execution: one request of the API."""


@dataclass(frozen=True)
class VersionOrder:
    """`share` of the traffic, the rest in the old proportions; 1.0: the old versions go. `canary`: see the API. `accept_fall`: also a
    model that is worse than its base model on the old labels.
    """

    model: str
    share: float = 1.0
    instance_type: str | None = None
    instance_count: int | None = None
    variant: str = AS_TRAINED
    canary: dict[str, Any] | None = None
    accept_fall: bool = False
    by: str = ""


def add_version(platform: Platform, service_id: str, order: VersionOrder) -> ServiceUpdate:
    """Raises NotFound (`service.unknown`, `model.unknown`, `model.deleted`), Conflict (`service.not_running`, `service.updating`,
    `service.no_canary`, `service.wrong_project`, `service.too_many_versions`, `service.serverless_one_version`,
    `model.has_fallen`, `variant.not_published`, `model.being_deleted`), InvalidRequest (`service.shared_instances`,
    `service.hosting`), BudgetExceeded, TransientError (`model.busy`).
    """
    service = _changeable(platform, service_id)
    model = find_model(platform, order.model)
    if (model.project, model.scenario) != (service.project, service.scenario):
        raise Conflict("service.wrong_project", f"Model {model.id} belongs to another project.", hint="Deploy it in its own project.")
    model.check_fall(is_accepted=order.accept_fall)
    check_variant(model, order.variant)
    _check_hosting(service, order)
    share = order.canary["share"] if order.canary else order.share
    kept = {} if share >= 1 else {name: weight * (1 - share) for name, weight in _shares(service.weights).items()}
    if service.version_count >= MAX_VERSIONS or len(kept) >= MAX_LIVE_VERSIONS:
        raise Conflict("service.too_many_versions", "The service has too many versions.", hint="Make a new service.")
    number = service.version_count + 1
    version = ServiceVersion(
        service=service_id,
        number=number,
        model=model.id,
        created_at=text_of(platform.now()),
        instance_type=order.instance_type or service.instance_type,
        instance_count=order.instance_count or service.instance_count,
        variant=order.variant,
        created_by=order.by,
        serverless=service.serverless,
    )
    coming = _coming(service, version, is_replaced=not kept and order.canary is None)
    _ask_for_instances(platform, service, coming, number)
    what = {"version": number, "model": model.id, "share": order.share} | ({"canary": order.canary} if order.canary else {})
    update = _new_update(platform, service, "version", order.by, what, kept | {variant_of(number): share}, number)
    claim_model(platform, model.id, update.id)
    return _begin(platform, service, update, version, coming)


def change_traffic(platform: Platform, service_id: str, shares: dict[str, float], by: str = "") -> ServiceUpdate:
    """What is not named goes. Raises as add_version, and InvalidRequest (`service.unknown_version`, `service.no_traffic`)."""
    service = _changeable(platform, service_id)
    if unknown := sorted(set(shares) - set(service.weights)):
        raise InvalidRequest("service.unknown_version", f"No live version {unknown[0]!r}.", hint=f"Live: {', '.join(service.weights)}.")
    if sum(shares.values()) <= 0:
        raise InvalidRequest("service.no_traffic", "No version would get any traffic.", hint="Give at least one a share.")
    return _begin(platform, service, _new_update(platform, service, "traffic", by, {"shares": shares}, _shares(shares), None), None)


def _coming(service: Service, version: ServiceVersion, *, is_replaced: bool) -> Hours | None:
    """Instances by type that it may have at the most, until its deadline; None: it gets none by this."""
    if service.serving != "endpoint" or service.serverless or service.is_shared or version.instance_type is None:
        return None
    count = service.autoscaling["max_instances"] if service.autoscaling else version.instance_count
    held = most_instances(service)
    if is_replaced:
        return held | {version.instance_type: max(held.get(version.instance_type, 0), count)}
    return together([held, {version.instance_type: float(count)}])


def _ask_for_instances(platform: Platform, service: Service, coming: Hours | None, number: int) -> None:
    """One that replaces the old ones may fail: until it has, both are counted as far as they are not of the same type."""
    held, hours = most_instances(service), reserved_s(service, platform.now()) / 3600
    more = {name: (count - held.get(name, 0.0)) * hours for name, count in (coming or {}).items() if count > held.get(name, 0.0)}
    admit(platform, service.project, Ask(service.id, more, "version_count", number))


def _check_hosting(service: Service, order: VersionOrder) -> None:
    """Source: Amazon SageMaker developer guide, "Deploy models with Amazon SageMaker Serverless Inference": one production variant."""
    if service.serving == "tables":
        _check_tables(order)
    if service.is_shared and (order.instance_type or order.instance_count):
        raise InvalidRequest(
            "service.shared_instances", "The versions of this service share its instances.", hint="Leave instance_type and _count out."
        )
    if service.serverless and (order.canary or order.share < 1 or order.instance_type or order.instance_count):
        hint = "Give the new version all of the traffic, and no instances."
        raise Conflict("service.serverless_one_version", "A serverless service has one version at a time.", hint=hint)


def _check_tables(order: VersionOrder) -> None:
    """Their answers come from one Lambda and one table: errors and latency tell nothing of a version."""
    if order.instance_type or order.instance_count:
        raise InvalidRequest("service.hosting", "A service of tables has no instances.", hint="Leave instance_type and _count out.")
    if order.canary:
        hint = "Give the new version a share, and compare what users make of the answers; each answer names its version."
        raise Conflict("service.no_canary", "Errors and latency tell nothing of a version of tables.", hint=hint)


def _changeable(platform: Platform, service_id: str) -> Service:
    service = find_service(platform, service_id)
    if service.state is not ServiceStatus.RUNNING:
        raise Conflict("service.not_running", f"The service is {service.status}.", hint="Versions are changed while it is RUNNING.")
    if service.updating and not _is_free_again(platform, service, service.updating):
        raise _updating(service.updating)
    return replace(service, updating=None)


def _is_free_again(platform: Platform, service: Service, update_id: str) -> bool:
    """Whoever began this update may have been cut off before its execution had a name to go by: then nobody else would end it."""
    if moment_of(service.updated_at) > platform.now() - timedelta(seconds=BEGUN_WITHIN_S):
        return False
    if (update := platform.service_updates.get(update_id)) is not None:
        _start(platform, update)
        return False
    return platform.services.change(service.id, {"updating": None}, only_if={"updating": [update_id]}) is not None


def _start(platform: Platform, update: ServiceUpdate) -> None:
    """Twice is as good as once."""
    platform.executions.start("update", update.execution_name, {"update_id": update.id})


def _updating(update_id: str | None) -> Conflict:
    return Conflict("service.updating", "The service is being changed.", hint="Wait until it is done.", details={"update": update_id})


def _shares(weights: dict[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def _new_update(
    platform: Platform, service: Service, kind: str, by: str, what: dict[str, Any], weights: dict[str, float], version: int | None
) -> ServiceUpdate:
    return ServiceUpdate(
        id=new_id("update"),
        service=service.id,
        kind=kind,
        by=by,
        at=text_of(platform.now()),
        what=what,
        outcome="in_progress",
        old_config=service.config_name,
        old_weights=service.weights,
        weights=weights,
        version=version,
    )


def _begin(
    platform: Platform, service: Service, update: ServiceUpdate, version: ServiceVersion | None, coming: Hours | None = None
) -> ServiceUpdate:
    """The service first: of two at the same time, one is told to wait."""
    taken: dict[str, Any] = {"updating": update.id, "updated_at": update.at, "coming": coming}
    if version is not None:
        taken["version_count"] = version.number
        _keep_first_version(platform, service)
    unless: dict[str, list[Any]] = {"updating": [None], "status": [ServiceStatus.RUNNING.value], "version_count": [service.version_count]}
    unless["revision"] = [service.revision]
    if platform.services.change(service.id, taken, only_if=unless) is None:
        raise _updating(None)
    if version is not None:
        platform.service_versions.put(version)
    platform.service_updates.add(update)
    try:
        _start(platform, update)
    except DropLearnError as error:
        now = text_of(platform.now())
        platform.service_updates.change(update.id, {"outcome": "failed", "error": problem_of(error), "ended_at": now})
        platform.services.change(service.id, {"updating": None}, only_if={"updating": [update.id]})
        raise
    return update


def _keep_first_version(platform: Platform, service: Service) -> None:
    """It is no record of its own until there is to be a second one, and cannot be told any more when that has its model's place."""
    if service.version_count == 1:
        platform.service_versions.add(first_version(service))


def version_of(platform: Platform, service: Service, number: int) -> ServiceVersion:
    """Also the first one, while it is no record."""
    return platform.service_versions.get(f"{service.id}/{number}") or first_version(service)


def first_version(service: Service) -> ServiceVersion:
    """What the service began with."""
    return ServiceVersion(
        service.id,
        1,
        service.model,
        service.created_at,
        service.instance_type,
        service.instance_count,
        service.variant,
        serverless=service.serverless,
    )
