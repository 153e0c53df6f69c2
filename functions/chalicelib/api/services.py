"""`/v1/projects/{project}/services` and `/v1/services/{service}`. Predictions: predict.py."""

from __future__ import annotations

from typing import Annotated, Literal

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AfterValidator, AwareDatetime, Field

from chalicelib.api.calling import caller, predict_url, require
from chalicelib.api.hosting import InstanceCount, InstanceType, Network, ScalingRange, Serverless
from chalicelib.api.parameters import Cursor, Limit, RequestKey
from chalicelib.api.service_views import EstimateView, NewServiceView, ServicePage, ServiceView
from chalicelib.bootstrap import platform
from chalicelib.domain.prices import prices
from chalicelib.domain.service import (
    DEFAULT_RUNTIME_S,
    MAX_IDLE_S,
    MAX_RUNTIME_S,
    MIN_IDLE_S,
    MIN_RUNTIME_S,
    Placement,
    Service,
    services_of,
)
from chalicelib.service import estimating, services, serving_time
from chalicelib.service.estimating import ASSUMED_LATENCY_MS
from chalicelib.service.finding import find_project, find_service
from droplearn.contracts.document import Part
from droplearn.contracts.ids import Name
from droplearn.contracts.status import Permission, ServiceKind

router: Router = Router()  # type: ignore[no-untyped-call]


ModelVariant = Literal["fp32", "int8", "fp16"]
AcceptFall = Annotated[bool, Field(description="Also a model that is worse than its base model on the old labels (`model.has_fallen`)")]
LatencyMs = Annotated[float, Query(gt=0, le=60_000, description="Of one request, for the price of serverless")]


def _never_or_a_while(seconds: int) -> int:
    if 0 < seconds < MIN_IDLE_S:
        raise ValueError(f"Input should be 0 (never) or at least {MIN_IDLE_S}")
    return seconds


IdleTime = Annotated[
    int, Field(ge=0, le=MAX_IDLE_S, description=f"0: never; else at least {MIN_IDLE_S}"), AfterValidator(_never_or_a_while)
]


class NewService(Part):
    """A service to be. It stops by itself after `max_runtime_s` seconds, and when nobody has used it for `idle_timeout_s` seconds (a test
    service: 1800, unless said otherwise; a formal one: never). It has `instance_count` instances, or so many as `autoscaling` says, or none
    at all: `serverless`. With the network `vpc` its servers are in the stack's VPC.
    """

    model: Annotated[str, Field(min_length=1, max_length=64)]
    name: Name | None = None
    instance_type: InstanceType | None = None
    instance_count: Annotated[InstanceCount | None, Field(description="At the beginning; default: 1, or the least of the range")] = None
    autoscaling: ScalingRange | None = None
    serverless: Serverless | None = None
    network: Network = "public"
    max_runtime_s: Annotated[int, Field(ge=MIN_RUNTIME_S, le=MAX_RUNTIME_S)] = DEFAULT_RUNTIME_S
    kind: ServiceKind = ServiceKind.TEST
    idle_timeout_s: IdleTime | None = None
    variant: ModelVariant = "fp32"
    placement: Annotated[Placement, Field(description="Of later versions: each on instances of its own, or all on the same")] = "dedicated"
    accept_fall: AcceptFall = False


class ServiceChange(Part):
    """How long the service is to go on: `max_runtime_s` counts from its start. What is not given stays."""

    max_runtime_s: Annotated[int, Field(ge=0, le=MAX_RUNTIME_S)] | None = None
    stops_at: AwareDatetime | None = None
    idle_timeout_s: IdleTime | None = None


def shown_service(service: Service) -> dict[str, object]:
    """The fields of its view."""
    return vars(service) | {"url": predict_url(service.id)}


def _order(project: str, service: NewService, request_key: str | None = None) -> services.ServiceOrder:
    return services.ServiceOrder(project=project, **service.model_dump(), request_key=request_key, caller=caller().id)


@router.post("/v1/projects/<project>/services/estimate", summary="Estimate what a service would cost", tags=["services"])
def estimate_service(project: str, service: NewService, latency_ms: LatencyMs = ASSUMED_LATENCY_MS) -> EstimateView:
    """Takes what the deployment takes, refuses what it would refuse, and makes nothing. Needs ListProject."""
    require(Permission.LIST_PROJECT, project)
    find_project(platform(), project)
    table = prices(platform().settings.instance_prices)
    return EstimateView.model_validate(estimating.estimate_service(platform(), _order(project, service), table, latency_ms))


@router.post("/v1/projects/<project>/services", status_code=202, summary="Deploy a model", tags=["services"])
def create_service(project: str, service: NewService, request_key: RequestKey = None) -> NewServiceView:
    """The answer holds the service's token: it is shown this once. Needs DeployService."""
    require(Permission.DEPLOY_SERVICE, project)
    find_project(platform(), project)
    made = services.create_service(platform(), _order(project, service, request_key))
    return NewServiceView.model_validate(shown_service(made.service) | {"token": made.secret})


@router.get("/v1/projects/<project>/services", summary="List a project's services", tags=["services"])
def list_services(project: str, limit: Limit = 100, cursor: Cursor = None) -> ServicePage:
    """Newest first. Needs ListProject."""
    require(Permission.LIST_PROJECT, project)
    find_project(platform(), project)
    page = platform().services.page(services_of(project), limit, cursor, is_newest_first=True)
    return ServicePage(services=[ServiceView.model_validate(shown_service(s)) for s in page.items], next_cursor=page.cursor)


@router.get("/v1/services/<service>", summary="Get a service", tags=["services"])
def get_service(service: str) -> ServiceView:
    """Needs ListProject."""
    found = find_service(platform(), service)
    require(Permission.LIST_PROJECT, found.project)
    return ServiceView.model_validate(shown_service(found))


@router.patch("/v1/services/<service>", summary="Extend or cut a service's life", tags=["services"])
def change_service(service: str, change: ServiceChange) -> ServiceView:
    """It takes effect at once; a deadline in the past ends the service. Needs DeployService."""
    require(Permission.DEPLOY_SERVICE, find_service(platform(), service).project)
    order = serving_time.TimeOrder(**change.model_dump())
    return ServiceView.model_validate(shown_service(serving_time.change_time(platform(), service, order, caller().id)))


@router.post("/v1/services/<service>/stop", status_code=202, summary="Stop a service", tags=["services"])
def stop_service(service: str) -> ServiceView:
    """Its endpoint is deleted. A service that is over stays as it is. Needs DeployService."""
    require(Permission.DEPLOY_SERVICE, find_service(platform(), service).project)
    return ServiceView.model_validate(shown_service(services.stop_service(platform(), service, by=caller().id)))
