"""Rules of EventBridge and schedules of EventBridge Scheduler."""

# ruff: noqa: N803  (the names of the parameters are CloudFormation's)

from typing import Any

from twin.provision.aws import Aws
from twin.provision.resources.registry import Applied, applies, deletes


@applies("AWS::Events::Rule")
def rule(
    aws: Aws,
    name: str,
    existing: str | None,
    *,
    Name: str | None = None,
    Description: Any = None,
    EventPattern: Any = None,
    ScheduleExpression: Any = None,
    State: Any = None,
    Targets: Any = None,
) -> Applied:
    """A rule of the default bus, and exactly the targets that the template gives it."""
    name = existing or Name or name
    options = {"Description": Description, "EventPattern": EventPattern, "ScheduleExpression": ScheduleExpression}
    aws.call("events", "PutRule", Name=name, State=State, **options)
    _remove_targets(aws, name)
    if Targets:
        aws.call("events", "PutTargets", Rule=name, Targets=Targets)
    return Applied(name, {"Arn": f"arn:aws:events:{aws.region}:{aws.account}:rule/{name}"})


@deletes("AWS::Events::Rule")
def delete_rule(aws: Aws, ref: str, _properties: dict[str, Any]) -> None:
    """A rule and its targets."""
    _remove_targets(aws, ref)
    aws.call("events", "DeleteRule", Name=ref)


def _remove_targets(aws: Aws, name: str) -> None:
    if present := [target["Id"] for target in aws.call("events", "ListTargetsByRule", Rule=name)["Targets"]]:
        aws.call("events", "RemoveTargets", Rule=name, Ids=present)


@applies("AWS::Scheduler::Schedule")
def schedule(aws: Aws, name: str, existing: str | None, *, Name: str | None = None, **properties: Any) -> Applied:
    """A schedule."""
    name = existing or Name or name
    aws.call("scheduler", "CreateSchedule" if existing is None else "UpdateSchedule", Name=name, **properties)
    group = properties.get("GroupName", "default")
    return Applied(name, {"Arn": f"arn:aws:scheduler:{aws.region}:{aws.account}:schedule/{group}/{name}"})


@deletes("AWS::Scheduler::Schedule")
def delete_schedule(aws: Aws, ref: str, _properties: dict[str, Any]) -> None:
    """A schedule."""
    aws.call("scheduler", "DeleteSchedule", Name=ref)
