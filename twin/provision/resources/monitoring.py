"""Log groups, alarms and dashboards. moto's alarms never fire."""

# ruff: noqa: N803  (the names of the parameters are CloudFormation's)

import contextlib
from typing import Any

from twin.provision.aws import Aws
from twin.provision.resources.registry import Applied, applies, deletes, tag_map


@applies("AWS::Logs::LogGroup")
def log_group(
    aws: Aws,
    name: str,
    existing: str | None,
    *,
    LogGroupName: str | None = None,
    RetentionInDays: Any = None,
    Tags: Any = None,
) -> Applied:
    """A log group; one that a function has made already is taken over."""
    name = existing or LogGroupName or name
    if existing is None:
        with contextlib.suppress(aws.client("logs").exceptions.ResourceAlreadyExistsException):
            aws.call("logs", "CreateLogGroup", logGroupName=name, tags=tag_map(Tags))
    if RetentionInDays:
        aws.call("logs", "PutRetentionPolicy", logGroupName=name, retentionInDays=RetentionInDays)
    return Applied(name, {"Arn": f"arn:aws:logs:{aws.region}:{aws.account}:log-group:{name}:*"})


@deletes("AWS::Logs::LogGroup")
def delete_log_group(aws: Aws, ref: str, _properties: dict[str, Any]) -> None:
    """A log group and its streams."""
    aws.call("logs", "DeleteLogGroup", logGroupName=ref)


@applies("AWS::CloudWatch::Alarm")
def alarm(aws: Aws, name: str, existing: str | None, *, AlarmName: str | None = None, **properties: Any) -> Applied:
    """An alarm."""
    name = existing or AlarmName or name
    aws.call("cloudwatch", "PutMetricAlarm", AlarmName=name, **properties)
    return Applied(name, {"Arn": f"arn:aws:cloudwatch:{aws.region}:{aws.account}:alarm:{name}"})


@deletes("AWS::CloudWatch::Alarm")
def delete_alarm(aws: Aws, ref: str, _properties: dict[str, Any]) -> None:
    """An alarm."""
    aws.call("cloudwatch", "DeleteAlarms", AlarmNames=[ref])


@applies("AWS::CloudWatch::Dashboard")
def dashboard(aws: Aws, name: str, existing: str | None, *, DashboardBody: Any, DashboardName: str | None = None) -> Applied:
    """A dashboard."""
    name = existing or DashboardName or name
    aws.call("cloudwatch", "PutDashboard", DashboardName=name, DashboardBody=DashboardBody)
    return Applied(name)


@deletes("AWS::CloudWatch::Dashboard")
def delete_dashboard(aws: Aws, ref: str, _properties: dict[str, Any]) -> None:
    """A dashboard."""
    aws.call("cloudwatch", "DeleteDashboards", DashboardNames=[ref])
