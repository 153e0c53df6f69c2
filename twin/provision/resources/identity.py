"""IAM roles."""

# ruff: noqa: N803  (the names of the parameters are CloudFormation's)

from collections.abc import Sequence
from typing import Any

from twin.provision.aws import Aws
from twin.provision.resources.registry import Applied, applies, deletes


@applies("AWS::IAM::Role")
def role(
    aws: Aws,
    name: str,
    existing: str | None,
    *,
    AssumeRolePolicyDocument: dict[str, Any],
    Policies: Sequence[dict[str, Any]] = (),
    RoleName: str | None = None,
    Description: str | None = None,
    MaxSessionDuration: Any = None,
    Tags: Any = None,
) -> Applied:
    """A role and exactly the inline policies that the template gives it."""
    name = existing or RoleName or name
    if existing is None:
        aws.call(
            "iam",
            "CreateRole",
            RoleName=name,
            AssumeRolePolicyDocument=AssumeRolePolicyDocument,
            Description=Description,
            MaxSessionDuration=MaxSessionDuration,
            Tags=Tags,
        )
    else:
        aws.call("iam", "UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=AssumeRolePolicyDocument)
        present = set(aws.call("iam", "ListRolePolicies", RoleName=name)["PolicyNames"])
        for gone in present - {policy["PolicyName"] for policy in Policies}:
            aws.call("iam", "DeleteRolePolicy", RoleName=name, PolicyName=gone)
    for policy in Policies:
        aws.call("iam", "PutRolePolicy", RoleName=name, **policy)
    return Applied(name, {"Arn": f"arn:aws:iam::{aws.account}:role/{name}"})


@deletes("AWS::IAM::Role")
def delete_role(aws: Aws, ref: str, _properties: dict[str, Any]) -> None:
    """A role and its policies."""
    for policy in aws.call("iam", "ListRolePolicies", RoleName=ref)["PolicyNames"]:
        aws.call("iam", "DeleteRolePolicy", RoleName=ref, PolicyName=policy)
    aws.call("iam", "DeleteRole", RoleName=ref)
