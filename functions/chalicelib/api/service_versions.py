"""`/v1/services/{service}/versions`, `/traffic`, `/updates` and `/token`: changes of a service that runs, and their records."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import Field

from chalicelib.api.calling import caller, require
from chalicelib.api.hosting import InstanceCount, InstanceType
from chalicelib.api.parameters import Cursor, Limit
from chalicelib.api.service_views import RotatedTokenView, ServiceUpdatePage, ServiceUpdateView, ServiceVersionPage, ServiceVersionView
from chalicelib.api.services import AcceptFall, ModelVariant
from chalicelib.bootstrap import platform
from chalicelib.domain.service import Service
from chalicelib.domain.service_version import (
    DEFAULT_CANARY_S,
    MAX_CANARY_S,
    MIN_CANARY_S,
    ServiceVersion,
    updates_of,
    versions_of,
)
from chalicelib.service import rotation, versions
from chalicelib.service.finding import find_service
from droplearn.contracts.document import Part
from droplearn.contracts.status import Permission

router: Router = Router()  # type: ignore[no-untyped-call]
MAX_GRACE_S = 7 * 24 * 3600
Share = Annotated[float, Field(gt=0, le=1)]


class Canary(Part):
    """The new version gets `share` of the traffic for `duration_s` seconds, then all of it; it is rolled back when too many of its answers
    are errors (5xx), or when it takes too long: more than `max_latency_ms` on average, or, without one, more than twice as long as the old
    version and 20 ms. CloudWatch counts by the minute, a minute or two late: below five minutes little is seen in AWS. Not for services of
    tables.
    """

    share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    duration_s: Annotated[int, Field(ge=MIN_CANARY_S, le=MAX_CANARY_S)] = DEFAULT_CANARY_S
    max_error_rate: Annotated[float, Field(ge=0, le=1)] = 0.05
    max_latency_ms: Annotated[float, Field(gt=0)] | None = None


class NewVersion(Part):
    """A service version to be. `share` 1 replaces the old versions; less leaves them the rest. With a canary it gets all in the end. Of a
    service of tables: strategies and filters as they stand now; `share` is one of users.
    """

    model: Annotated[str, Field(min_length=1, max_length=64)]
    share: Share = 1.0
    instance_type: InstanceType | None = None
    instance_count: InstanceCount | None = None
    variant: ModelVariant = "fp32"
    canary: Canary | None = None
    accept_fall: AcceptFall = False


class NewTraffic(Part):
    """Share by version (`{"v1": 0.9, "v2": 0.1}`), in proportion. A version that is not named goes."""

    shares: Annotated[dict[str, Annotated[float, Field(ge=0, le=1)]], Field(min_length=1, max_length=10)]


class Rotation(Part):
    """The old token is good for so long still."""

    grace_s: Annotated[int, Field(ge=0, le=MAX_GRACE_S)] = 0


def _deployed(service: str) -> Service:
    found = find_service(platform(), service)
    require(Permission.DEPLOY_SERVICE, found.project)
    return found


@router.post("/v1/services/<service>/versions", status_code=202, summary="Add a service version", tags=["services"])
def add_version(service: str, version: NewVersion) -> ServiceUpdateView:
    """The service answers all the time. Follow the update that is returned. Needs DeployService."""
    _deployed(service)
    order = versions.VersionOrder(**version.model_dump(), by=caller().id)
    return ServiceUpdateView.model_validate(versions.add_version(platform(), service, order))


@router.get("/v1/services/<service>/versions", summary="List a service's versions", tags=["services"])
def list_versions(service: str, limit: Limit = 100, cursor: Cursor = None) -> ServiceVersionPage:
    """Newest first, with their present share of the traffic. Needs ListProject."""
    found = find_service(platform(), service)
    require(Permission.LIST_PROJECT, found.project)
    page = platform().service_versions.page(versions_of(service), limit, cursor, is_newest_first=True)
    items = page.items or ([versions.first_version(found)] if cursor is None else [])
    return ServiceVersionPage(versions=[_shown(found, version) for version in items], next_cursor=page.cursor)


def _shown(service: Service, version: ServiceVersion) -> ServiceVersionView:
    weight = service.weights.get(version.name, 0.0) / (sum(service.weights.values()) or 1.0)
    return ServiceVersionView.model_validate(vars(version) | {"name": version.name, "share": weight})


@router.put("/v1/services/<service>/traffic", status_code=202, summary="Split the traffic", tags=["services"])
def change_traffic(service: str, traffic: NewTraffic) -> ServiceUpdateView:
    """Among the versions that are live. Follow the update that is returned. Needs DeployService."""
    _deployed(service)
    return ServiceUpdateView.model_validate(versions.change_traffic(platform(), service, traffic.shares, caller().id))


@router.get("/v1/services/<service>/updates", summary="List a service's update records", tags=["services"])
def list_updates(service: str, limit: Limit = 100, cursor: Cursor = None) -> ServiceUpdatePage:
    """Who changed what, when, and what came of it; newest first. Needs ListProject."""
    require(Permission.LIST_PROJECT, find_service(platform(), service).project)
    page = platform().service_updates.page(updates_of(service), limit, cursor, is_newest_first=True)
    return ServiceUpdatePage(updates=[ServiceUpdateView.model_validate(u) for u in page.items], next_cursor=page.cursor)


@router.post("/v1/services/<service>/token", status_code=201, summary="Give a service a new token", tags=["services"])
def rotate_token(service: str, rotation_: Rotation) -> RotatedTokenView:
    """The new token is shown this once; the old one ends after the grace. Needs DeployService."""
    _deployed(service)
    rotated = rotation.rotate_token(platform(), service, rotation_.grace_s, caller().id)
    return RotatedTokenView(service=service, token=rotated.secret, old_valid_until=rotated.old_valid_until)
