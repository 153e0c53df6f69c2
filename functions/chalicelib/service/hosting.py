"""Whether, and how, what a caller wants of a service's hosting can be had: asked before anything is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.domain.hosting import ScalingRange, Serverless
from chalicelib.domain.model import Model
from chalicelib.ports import Platform
from droplearn.contracts.errors import Conflict, InvalidRequest
from droplearn.scenarios import scenario_named


@dataclass(frozen=True)
class HostingOrder:
    """None: the usual."""

    instance_type: str | None = None
    instance_count: int | None = None
    autoscaling: ScalingRange | None = None
    serverless: Serverless | None = None
    network: str = "public"
    placement: str = "dedicated"


def hosting_of(platform: Platform, model: Model, order: HostingOrder) -> dict[str, Any]:
    """Fields of a service. Raises InvalidRequest (`service.hosting`), Conflict (`service.no_vpc`)."""
    spec = scenario_named(model.scenario).spec
    if spec.serving == "tables":
        is_hosted = order.autoscaling or order.serverless or order.network == "vpc" or order.placement == "shared"
        _refuse(is_hosted, f"A service of {model.scenario} has no instances.")
    if order.network == "vpc":
        vpc_config(platform)
    if order.serverless:
        _refuse(order.instance_type or order.instance_count or order.autoscaling, "A serverless service has no instances.")
        _refuse(order.network == "vpc", "A serverless service cannot be in a VPC.")
        _refuse(order.placement == "shared", "A serverless service has no instances that versions could share.")
        return {"instance_type": None, "instance_count": 0, "serverless": order.serverless}
    return {
        "instance_type": order.instance_type or spec.default_serving_instance,
        "instance_count": _first_count(order),
        "autoscaling": order.autoscaling,
        "network": order.network,
    }


def vpc_config(platform: Platform) -> dict[str, list[str]]:
    """Of SageMaker's CreateModel. Raises Conflict (`service.no_vpc`)."""
    subnets, groups = platform.settings.vpc_subnets, platform.settings.vpc_security_groups
    if not subnets or not groups:
        hint = "Deploy the stack with its parameters VpcSubnets and VpcSecurityGroups, or use the network `public`."
        raise Conflict("service.no_vpc", "This droplearn has no VPC for services.", hint=hint)
    return {"Subnets": subnets, "SecurityGroupIds": groups}


def _first_count(order: HostingOrder) -> int:
    if order.autoscaling is None:
        return order.instance_count or 1
    least, most = order.autoscaling["min_instances"], order.autoscaling["max_instances"]
    _refuse(least > most, f"The range begins at {least} instances and ends at {most}.")
    count = order.instance_count or least
    _refuse(not least <= count <= most, f"{count} instances are not within the range of {least} to {most}.")
    return count


def _refuse(is_wrong: object, message: str) -> None:
    if is_wrong:
        raise InvalidRequest("service.hosting", message, hint="See docs/how-to/host-a-service.md for what goes together.")
