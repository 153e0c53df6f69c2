"""`/v1/services/{service}/cost`, `/events`, `/metrics`, `/logs` and `/instances`, and `/v1/prices`: what a service does and costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from chalicelib.api.calling import require
from chalicelib.api.parameters import Cursor, Limit
from chalicelib.api.service_views import (
    CostView,
    InstanceListView,
    InstanceView,
    PricesView,
    ServiceEventPage,
    ServiceEventView,
    ServiceMetricsView,
    VersionMetricsView,
)
from chalicelib.api.views import LogLineView, LogPage
from chalicelib.bootstrap import platform
from chalicelib.domain.prices import prices
from chalicelib.domain.service import Service
from chalicelib.domain.service_event import events_of
from chalicelib.service.costing import cost_of
from chalicelib.service.finding import find_service
from droplearn.contracts.status import Permission

router: Router = Router()  # type: ignore[no-untyped-call]
MAX_POINTS = 1440
Minutes = Annotated[int, Query(ge=1, le=7 * 24 * 60, description="How far back")]


def _listed(service: str) -> Service:
    found = find_service(platform(), service)
    require(Permission.LIST_PROJECT, found.project)
    return found


@router.get("/v1/prices", summary="The price table", tags=["services"])
def list_prices() -> PricesView:
    """USD per instance and hour, with its date and source: for an estimate before a service is made. Needs a token."""
    return PricesView.model_validate(prices(platform().settings.instance_prices))


@router.get("/v1/services/<service>/cost", summary="What a service costs", tags=["services"])
def get_cost(service: str) -> CostView:
    """By the price table; null where it does not know a type. Needs ListProject."""
    return CostView.model_validate(cost_of(platform(), _listed(service), prices(platform().settings.instance_prices)))


@router.get("/v1/services/<service>/events", summary="What happened to a service", tags=["services"])
def list_events(service: str, limit: Limit = 100, cursor: Cursor = None) -> ServiceEventPage:
    """Its lifecycle, newest first: what, when, and who asked for it. Needs ListProject."""
    _listed(service)
    page = platform().service_events.page(events_of(service), limit, cursor, is_newest_first=True)
    return ServiceEventPage(events=[ServiceEventView.model_validate(event) for event in page.items], next_cursor=page.cursor)


@router.get("/v1/services/<service>/metrics", summary="A service's invocations", tags=["services"])
def get_metrics(service: str, minutes: Minutes = 60) -> ServiceMetricsView:
    """By version, as CloudWatch counts them: in AWS a minute or two late. Those that share instances: as their servers count them, by the
    minute in which they say so. Needs ListProject.
    """
    found, now = _listed(service), platform().now()
    period_s = 60 * max(1, -(-minutes // MAX_POINTS))
    names = found.all_versions
    if found.serving != "endpoint":
        return ServiceMetricsView(service=service, period_s=period_s, versions=[])
    metrics = platform().service_metrics
    read = metrics.shared_series if found.is_shared else metrics.series
    points = read(service, names, now - timedelta(minutes=minutes), now, period_s)
    versions = [VersionMetricsView.model_validate({"name": name, "points": points[name]}) for name in names if points[name]]
    return ServiceMetricsView(service=service, period_s=period_s, versions=versions)


@router.get("/v1/services/<service>/logs", summary="What a service's servers said", tags=["services"])
def list_logs(service: str, limit: Limit = 100, cursor: Cursor = None) -> LogPage:
    """Oldest first, version by version; `node` is the instance. Needs ListProject."""
    found = _listed(service)
    names = found.all_variants
    page = platform().endpoint_logs(service).page(names, limit, cursor)
    return LogPage(lines=[LogLineView.model_validate(line) for line in page.items], next_cursor=page.cursor)


@router.get("/v1/services/<service>/instances", summary="A service's instances", tags=["services"])
def list_instances(service: str) -> InstanceListView:
    """As its endpoint says. Needs ListProject."""
    found = _listed(service)
    state = platform().endpoints.state(service) if found.serving == "endpoint" else None
    if state is None:
        return InstanceListView(service=service, endpoint_status=None, instances=[])
    rows = [InstanceView(version=name, count=state.instances.get(name, 0), weight=weight) for name, weight in state.weights.items()]
    return InstanceListView(service=service, endpoint_status=state.status, instances=rows)
