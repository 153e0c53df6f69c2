"""What the state machine `update` asks on the way: each call looks at the update's phase and says what comes next.

version: planned -> applied -> (canary -> promoted, or canary -> drained -> rolled_back)
traffic: planned -> applied
Of tables the rows are loaded between planned and applied; traffic has nothing to wait for.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

from chalicelib.domain.failure import Problem
from chalicelib.domain.hosting import container_environment, production_variant
from chalicelib.domain.optimisation import archive_of
from chalicelib.domain.prices import counted_instances, instance_hours
from chalicelib.domain.service import SHARED_VARIANT, Service
from chalicelib.domain.service_version import CHECKS, ServiceUpdate, ServiceVersion, config_name, number_of, variant_of, verdict
from chalicelib.domain.times import moment_of, text_of
from chalicelib.ports import Platform
from chalicelib.service.autoscaling import set_autoscaling, suspend_autoscaling
from chalicelib.service.finding import find, find_model, find_service
from chalicelib.service.hosting import vpc_config
from chalicelib.service.loading_tables import to_load
from chalicelib.service.service_events import note_update_event
from chalicelib.service.shared_versions import lay_out, shared_plan
from chalicelib.service.versions import version_of
from droplearn.scenarios import scenario_named

Reply = dict[str, Any]


def plan_update(platform: Platform, update_id: str, error: Problem | None = None, entered: str = "") -> Reply:
    """`next`: create or create_shared (model and configuration), apply (configuration), switch (to one there is), weigh, watch, load
    (tables), end.

    `entered`: when the state that asks was. One that asks again has not got the reply: it is told the same, and not what comes after.
    """
    update = _as_asked(find(platform.service_updates, update_id, "update"), entered)
    service = find_service(platform, update.service)
    if update.outcome != "in_progress":
        note_update_event(platform, update)
        return free_service(platform, update)
    if not service.is_in_service:
        return finish_update(platform, update, "failed", "The service ended meanwhile.")
    if error is not None:
        return _after_error(platform, service, update, error)
    return _STEPS[update.phase](platform, service, update)


def _as_asked(update: ServiceUpdate, entered: str) -> ServiceUpdate:
    before = update.moved or {}
    if entered and before.get("entered") == entered:
        return replace(update, phase=before["phase"] or update.phase, phase_since=before["phase_since"])
    return replace(update, moved={"entered": entered})


def _planned(platform: Platform, service: Service, update: ServiceUpdate) -> Reply:
    weights = update.weights or {}
    if service.serving == "tables":
        return _planned_of_tables(platform, service, update)
    if service.is_shared:
        return _new_config(platform, service, update, "applied", weights)
    if update.version is None and set(weights) == set(service.weights):
        _move(platform, update, "applied", config=service.config_name)
        return _reply(service) | {"next": "weigh", "weights": [{"VariantName": n, "DesiredWeight": w} for n, w in weights.items()]}
    reply = _new_config(platform, service, update, "applied", weights)
    if update.version is None:
        return reply
    version = find(platform.service_versions, f"{service.id}/{update.version}", "version")
    model = find_model(platform, version.model)
    return reply | {
        "next": "create_in_vpc" if service.network == "vpc" else "create",
        "vpc": vpc_config(platform) if service.network == "vpc" else {},
        "is_isolated": service.serverless is None,
        "environment": container_environment(service.serverless) | {"SERVER_VERSION": version.name},
        "model_name": version.model_name,
        "model_uri": archive_of(model.artifact_uri, model.optimisation, version.variant) or model.artifact_uri,
        "image_suffix": scenario_named(service.scenario).spec.image_suffix,
    }


def _planned_of_tables(platform: Platform, service: Service, update: ServiceUpdate) -> Reply:
    """Rows beside those that answer. The weights are what moves the traffic: each prediction reads them."""
    if update.version is None:
        return _applied(platform, service, update)
    _move(platform, update, "applied")
    return _reply(service) | {"next": "load", "version": update.version} | to_load(platform, service)


def _applied(platform: Platform, service: Service, update: ServiceUpdate) -> Reply:
    if not _take_over(platform, service, update, update.weights or {}):
        return _end(update)
    if not update.what.get("canary"):
        return finish_update(platform, update, "done")
    _move(platform, update, "canary")
    return _watch(service, update)


def _canary(platform: Platform, service: Service, update: ServiceUpdate) -> Reply:
    now, since, canary = platform.now(), moment_of(update.phase_since or update.at), update.what["canary"]
    new, (old, *_) = variant_of(update.version or 0), list(update.old_weights or {})
    count = platform.service_metrics.shared_traffic if service.is_shared else platform.service_metrics.traffic
    found = count(service.id, [new, old], since, now)
    if reason := verdict(found[new], found[old], canary):
        _move(platform, update, "drained", config=service.config_name, message=f"Rolled back: {reason}.", weights=update.old_weights)
        if service.is_shared:
            return _drained(platform, service, update)
        weights = [{"VariantName": n, "DesiredWeight": w} for n, w in (update.old_weights or {}).items()]
        return _reply(service) | {"next": "weigh", "weights": [*weights, {"VariantName": new, "DesiredWeight": 0}]}
    if now < since + timedelta(seconds=canary["duration_s"]):
        return _watch(service, update)
    if not found[new].invocations:
        platform.service_updates.change(update.id, {"message": "Nobody asked while the canary was watched: nothing was found."})
    return _new_config(platform, service, update, "promoted", {new: 1.0})


def _promoted(platform: Platform, service: Service, update: ServiceUpdate) -> Reply:
    _take_over(platform, service, update, update.weights or {})
    return finish_update(platform, update, "done")


def _drained(platform: Platform, service: Service, update: ServiceUpdate) -> Reply:
    suspend_autoscaling(platform, service)
    _move(platform, update, "rolled_back", config=update.old_config)
    return _reply(service) | {"next": "switch", "config_name": update.old_config}


def _rolled_back(platform: Platform, service: Service, update: ServiceUpdate) -> Reply:
    _take_over(platform, service, update, update.old_weights or {})
    return finish_update(platform, update, "failed" if update.error else "rolled_back")


_STEPS = {
    "planned": _planned,
    "applied": _applied,
    "canary": _canary,
    "promoted": _promoted,
    "drained": _drained,
    "rolled_back": _rolled_back,
}


def _after_error(platform: Platform, service: Service, update: ServiceUpdate, error: Problem) -> Reply:
    """A change that failed has left the endpoint as it was (SageMaker's own blue/green); only a canary that runs is to be taken back."""
    platform.service_updates.change(update.id, {"error": error})
    if update.phase in ("canary", "promoted", "drained"):
        return _drained(platform, service, update)
    return finish_update(platform, update, "failed", error["message"])


def _watch(service: Service, update: ServiceUpdate) -> Reply:
    return _reply(service) | {"next": "watch", "wait_s": max(1, math.ceil(update.what["canary"]["duration_s"] / CHECKS))}


def _new_config(platform: Platform, service: Service, update: ServiceUpdate, phase: str, weights: dict[str, float]) -> Reply:
    number = platform.services.increment(service.id, "config_count")
    name = config_name(service.id, number)
    counts = _instances_now(platform, service)
    shares = {version_of(platform, service, number_of(version)): weight for version, weight in weights.items()}
    plan: Reply = {"next": "apply", "variants": [_variant(version, weight, counts) for version, weight in shares.items()]}
    if service.is_shared:
        needed = variant_of(update.version) if update.version else max(weights, key=lambda version: weights[version])
        count = counts.get(SHARED_VARIANT, service.instance_count)
        plan = shared_plan(platform, service, update, name, lay_out(platform, service, name, shares), needed, count)
    suspend_autoscaling(platform, service)
    _move(platform, update, phase, config=name, weights=weights)
    return _reply(service) | plan | {"config_name": name}


def _instances_now(platform: Platform, service: Service) -> dict[str, int]:
    """An update must not undo what autoscaling has done."""
    state = platform.endpoints.state(service.id) if service.autoscaling else None
    return state.instances if state is not None else {}


def _variant(version: ServiceVersion, weight: float, counts: dict[str, int]) -> dict[str, Any]:
    """A new version of an autoscaled service begins with as many instances as the old ones have."""
    count = counts.get(version.name) or max(version.instance_count, *counts.values(), 0)
    return production_variant(version.name, version.model_name, weight, version.instance_type, count, version.serverless)


def _move(platform: Platform, update: ServiceUpdate, phase: str, **changes: Any) -> None:
    moved = {"entered": (update.moved or {}).get("entered"), "phase": update.phase, "phase_since": update.phase_since}
    since = text_of(platform.now())
    platform.service_updates.change(update.id, {"phase": phase, "phase_since": since, "wait_token": None, "moved": moved} | changes)


def _take_over(platform: Platform, service: Service, update: ServiceUpdate, weights: dict[str, float]) -> bool:
    """What the endpoint does now, or what a service of tables is to do from now on; the version with the most traffic names the service's
    model. False, and nothing is done, for an update that was given up meanwhile.
    """
    best = version_of(platform, service, number_of(max(weights, key=lambda name: weights[name])))
    changes: dict[str, Any] = {"weights": weights, "config": update.config, "model": best.model, "updated_at": text_of(platform.now())}
    live = [best] if service.is_shared else [version_of(platform, service, number_of(name)) for name in weights]
    changes |= _billing(platform, service, live)
    changes |= {"instance_type": best.instance_type, "instance_count": best.instance_count, "variant": best.variant}
    if platform.services.change(service.id, changes, only_if={"updating": [update.id]}) is None:
        return False
    set_autoscaling(platform, service.id)
    return True


def _billing(platform: Platform, service: Service, live: list[ServiceVersion]) -> dict[str, Any]:
    """What was billed so far, by type, and what is from now on."""
    now = platform.now()
    instances: dict[str, int] = {}
    for version in live:
        if version.instance_type:
            instances[version.instance_type] = instances.get(version.instance_type, 0) + counted_instances(service, version.instance_count)
    billed_s = {name: hours * 3600 for name, hours in instance_hours(service, now).items()}
    return {"instances": instances, "billed_s": billed_s, "billed_since": text_of(now)}


def finish_update(platform: Platform, update: ServiceUpdate, outcome: str, message: str | None = None) -> Reply:
    """One that has an outcome keeps it."""
    changes: dict[str, Any] = {"outcome": outcome, "ended_at": text_of(platform.now()), "wait_token": None}
    changes |= {"message": message} if message else {}
    if over := platform.service_updates.change(update.id, changes, only_if={"outcome": ["in_progress"]}):
        note_update_event(platform, over)
    return free_service(platform, update)


def free_service(platform: Platform, update: ServiceUpdate) -> Reply:
    """For the next update, once this one is over; twice is as good as once. Another's service stays as it is."""
    if find_service(platform, update.service).updating == update.id:
        set_autoscaling(platform, update.service)
        platform.services.change(update.service, {"updating": None}, only_if={"updating": [update.id]})
    return _end(update)


def _end(update: ServiceUpdate) -> Reply:
    return {"next": "end", "service_id": update.service}


def _reply(service: Service) -> Reply:
    return {"service_id": service.id}
