"""Start and stop services, and what the state machine `deploy` asks on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from chalicelib.domain.hosting import ScalingRange, Serverless, container_environment, production_variant
from chalicelib.domain.model import Model
from chalicelib.domain.optimisation import archive_of
from chalicelib.domain.service import DEFAULT_IDLE_S, DEFAULT_RUNTIME_S, SHARED_VARIANT, LiveService, Placement, Service
from chalicelib.domain.times import text_of
from chalicelib.domain.uses import most_hours
from chalicelib.ports import Platform
from chalicelib.service.attempts import TRIES, start
from chalicelib.service.budgets import Ask, admit
from chalicelib.service.finding import find_model, find_service
from chalicelib.service.hosting import HostingOrder, hosting_of, vpc_config
from chalicelib.service.loading_tables import to_load
from chalicelib.service.model_claims import check_stays, claim_model
from chalicelib.service.removing import remove_serving
from chalicelib.service.requests import id_of_request
from chalicelib.service.service_events import note_end, note_ending, note_event
from chalicelib.service.sweep_times import need_sweeps
from chalicelib.service.tokens import TokenOrder, create_token
from chalicelib.service.variants import check_variant
from droplearn.contracts.errors import Conflict, DropLearnError, TransientError
from droplearn.contracts.ids import check_name, new_id
from droplearn.contracts.optimisation import AS_TRAINED
from droplearn.contracts.status import Permission, ServiceKind, ServiceStatus
from droplearn.scenarios import scenario_named

STOPPED_BY_USER = "ServiceStopped"
TOKEN_OUTLIVES_S = 7 * 24 * 3600
_NOT_ASKED = ("project", "accept_fall", "request_key", "caller")
"""Of an order: what makes no other service of it."""


@dataclass(frozen=True)
class ServiceOrder:
    """What a caller wants. `instance_type` None: the scenario's default."""

    project: str
    model: str
    name: str | None = None
    instance_type: str | None = None
    instance_count: int | None = None
    autoscaling: ScalingRange | None = None
    serverless: Serverless | None = None
    network: str = "public"
    max_runtime_s: int = DEFAULT_RUNTIME_S
    kind: ServiceKind = ServiceKind.TEST
    idle_timeout_s: int | None = None
    """None: by kind; 0: never."""
    variant: str = AS_TRAINED
    placement: Placement = "dedicated"
    accept_fall: bool = False
    """Also a model that is worse than its base model on the old labels."""
    request_key: str | None = None
    caller: str = ""


class Started(NamedTuple):
    """`secret` is shown once: None when the same request came before."""

    service: Service
    secret: str | None


def create_service(platform: Platform, order: ServiceOrder) -> Started:
    """Keeps the service with a token of its own, then starts its execution.

    Raises NotFound (`model.unknown`, `model.deleted`), InvalidRequest (`name.invalid`, `service.hosting`), Conflict
    (`service.wrong_project`, `model.has_fallen`, `variant.not_published`, `service.no_vpc`, `idempotency.mismatch`,
    `model.being_deleted`), BudgetExceeded, TransientError (`model.busy`).
    """
    model, hosting = check_order(platform, order)
    asked = "\n".join(str(value) for name, value in sorted(vars(order).items()) if name not in _NOT_ASKED)
    scope = f"{order.caller}#services#{order.project}"
    service_id = id_of_request(platform, scope=scope, key=order.request_key, asked=asked, id_to_make=new_id("service"))
    if order.request_key and (known := platform.services.get(service_id)):
        return Started(_begin(platform, known, order.caller), None)
    service = _new_service(platform, order, model, hosting | {"id": service_id})
    admit(platform, order.project, Ask(service_id, most_hours(service, order.max_runtime_s)))
    claim_model(platform, model.id, service_id)
    platform.live_services.put(LiveService(service_id, text_of(platform.now())))
    need_sweeps(platform)
    made = create_token(platform, _own_token(order, service_id))
    if platform.services.add(replace(service, token=made.token.id)):
        return Started(_begin(platform, find_service(platform, service_id), order.caller), made.secret)
    platform.tokens.remove(made.token.id)
    return Started(find_service(platform, service_id), None)


def check_order(platform: Platform, order: ServiceOrder) -> tuple[Model, dict[str, Any]]:
    """The model, and the service's fields of its hosting; nothing is made. Raises as create_service."""
    model = find_model(platform, order.model)
    if model.project != order.project:
        raise Conflict("service.wrong_project", f"Model {model.id} belongs to another project.", hint="Deploy it in its own project.")
    if order.name is not None:
        check_name(order.name, "service")
    check_stays(platform, model)
    model.check_fall(is_accepted=order.accept_fall)
    check_variant(model, order.variant)
    wanted = HostingOrder(order.instance_type, order.instance_count, order.autoscaling, order.serverless, order.network, order.placement)
    return model, hosting_of(platform, model, wanted)


def _own_token(order: ServiceOrder, service_id: str) -> TokenOrder:
    """It outlives the service by some days: a late caller is told that nothing runs, not that the token is wrong."""
    valid_for_s = order.max_runtime_s + TOKEN_OUTLIVES_S
    return TokenOrder([Permission.PREDICT], [order.project], f"service {service_id}", valid_for_s, service=service_id)


def _new_service(platform: Platform, order: ServiceOrder, model: Model, made: dict[str, Any]) -> Service:
    now = text_of(platform.now())
    return Service(
        project=order.project,
        model=model.id,
        scenario=model.scenario,
        status=ServiceStatus.CREATED.value,
        created_at=now,
        updated_at=now,
        serving=scenario_named(model.scenario).spec.serving,
        max_runtime_s=order.max_runtime_s,
        kind=order.kind.value,
        idle_timeout_s=_idle_timeout_s(order),
        name=order.name,
        variant=order.variant,
        placement=order.placement,
        **made,
    )


def _idle_timeout_s(order: ServiceOrder) -> int | None:
    """A forgotten test is the costly one; what is in formal use may wait for its callers."""
    if order.idle_timeout_s is None:
        return DEFAULT_IDLE_S if order.kind is ServiceKind.TEST else None
    return order.idle_timeout_s or None


def _begin(platform: Platform, service: Service, caller: str) -> Service:
    note_event(platform, service.id, "created", service.created_at, caller, {"model": service.model, "kind": service.kind})
    return _start(platform, service)


def _start(platform: Platform, service: Service) -> Service:
    try:
        return start(platform, platform.services, service, "deploy", {"service_id": service.id})
    except DropLearnError:
        note_end(platform, find_service(platform, service.id))
        raise


def stop_service(platform: Platform, service_id: str, reason: str = "requested", by: str | None = None) -> Service:
    """Marks it, then ends the state that waits; `deploy` removes the endpoint. Twice is as good as once; one that is over stays as it is.

    Raises NotFound (`service.unknown`), Conflict (`service.busy`).
    """
    for _ in range(TRIES):
        service = find_service(platform, service_id)
        if service.state.is_terminal:
            return service
        changes = {"status": ServiceStatus.STOPPING.value, "stop_reason": reason, "updated_at": text_of(platform.now())}
        stopping = platform.services.change(service_id, changes, only_if={"status": [service.status]})
        if stopping is not None:
            note_ending(platform, stopping, by)
            _release(platform, stopping)
            return stopping
    raise Conflict("service.busy", "The service changes its state too fast to be stopped.", hint="Try again in some seconds.")


def _release(platform: Platform, service: Service) -> None:
    """One that starts and waits for nothing yet finds itself STOPPING at its next state."""
    if service.stop_token:
        platform.executions.succeed(service.stop_token, {"reason": "requested"})
    elif service.start_token:
        platform.executions.fail(service.start_token, STOPPED_BY_USER, "The service was stopped while it was starting.")


def plan_deployment(platform: Platform, service_id: str) -> dict[str, Any]:
    """What the three SageMaker calls, or LoadTables, are given."""
    service = find_service(platform, service_id)
    is_there = service.serving == "endpoint" and platform.endpoints.state(service_id) is not None
    model = find_model(platform, service.model)
    variant = SHARED_VARIANT if service.is_shared else service.best_version
    return {
        "serving": "present" if is_there else service.serving,
        **to_load(platform, service),
        "model_uri": archive_of(model.artifact_uri, model.optimisation, service.variant) or model.artifact_uri,
        "image_suffix": scenario_named(service.scenario).spec.image_suffix,
        "is_isolated": service.serverless is None,
        "environment": container_environment(service.serverless) | {"SERVER_VERSION": service.best_version},
        "network": service.network,
        "vpc": vpc_config(platform) if service.network == "vpc" else {},
        "variants": [production_variant(variant, service.id, 1, service.instance_type, service.instance_count, service.serverless)],
        "is_autoscaled": service.autoscaling is not None,
    }


def await_endpoint(platform: Platform, service_id: str, task_token: str) -> None:
    """Keeps the token, then looks once: the endpoint may have been ready, or the service stopped, before."""
    kept = platform.services.change(
        service_id, {"start_token": task_token, "updated_at": text_of(platform.now())}, only_if={"status": [ServiceStatus.STARTING.value]}
    )
    if kept is None:
        platform.executions.fail(task_token, STOPPED_BY_USER, "The service was stopped while it was starting.")
        return
    look_at_endpoint(platform, service_id)


def look_at_endpoint(platform: Platform, service_id: str) -> str | None:
    """Tells the waiting state what became of the endpoint; an event is only a reason to look. Returns the endpoint's status."""
    service = platform.services.get(service_id)
    if service is None or service.state.is_terminal or not service.start_token:
        return None
    state = platform.endpoints.state(service_id)
    if state is None:
        return None
    if state.status == "InService":
        platform.executions.succeed(service.start_token, {"status": state.status})
    elif state.status in ("Failed", "OutOfService"):
        platform.executions.fail(service.start_token, "EndpointFailed", state.failure_reason or "The endpoint did not start.")
    return state.status


def remove_endpoint(platform: Platform, service_id: str) -> None:
    """Raises TransientError (`service.not_removable_yet`, `service.not_removed_yet`)."""
    service = find_service(platform, service_id)
    note_ending(platform, service)
    remove_serving(platform, service)
    if (state := platform.endpoints.state(service_id)) is not None and state.status != "Deleting":
        raise TransientError("service.not_removed_yet", f"The endpoint is {state.status}.", hint="It is tried again.")
