"""Evaluation of IAM policies."""

from __future__ import annotations

from typing import Any

import pytest

from twin.iam.policies import Need, is_allowed

GET = Need("s3:GetObject", "arn:aws:s3:::b/k", {"aws:requestedregion": "eu-west-1", "many": ["a", "b"]})


def statement(effect: str = "Allow", action: Any = "s3:GetObject", resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource} | ({"Condition": condition} if condition else {})


def allowed(*statements: dict[str, Any], need: Need = GET) -> bool:
    return is_allowed([{"Version": "2012-10-17", "Statement": list(statements)}], need)


def test_nothing_is_allowed_by_default() -> None:
    assert not is_allowed([], GET)
    assert not allowed(statement(action="s3:PutObject"))


@pytest.mark.parametrize("action", ["s3:GetObject", "S3:getobject", "s3:Get*", "*", ["s3:PutObject", "s3:Get?bject"]])
def test_actions_have_wildcards_and_no_case(action: Any) -> None:
    assert allowed(statement(action=action))


@pytest.mark.parametrize(
    ("resource", "expected"),
    [("arn:aws:s3:::b/*", True), ("arn:aws:s3:::b", False), ("arn:aws:s3:::[b]/k", False), (["x", "*"], True), ("arn:aws:s3:::b/?", True)],
)
def test_resources_have_wildcards(resource: Any, expected: bool) -> None:
    assert allowed(statement(resource=resource)) is expected


def test_deny_wins_over_allow() -> None:
    assert not allowed(statement(), statement("Deny", action="s3:*"))


def test_not_action_and_not_resource_are_the_rest() -> None:
    rest = {"Effect": "Allow", "NotAction": "s3:PutObject", "NotResource": "arn:aws:s3:::other/*"}
    assert allowed(rest)
    assert not allowed(rest, need=GET._replace(action="s3:PutObject"))
    assert not allowed(rest, need=GET._replace(resource="arn:aws:s3:::other/k"))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-west-2"]}}, True),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, False),
        ({"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}, True),
        ({"StringLike": {"aws:RequestedRegion": "eu-*"}}, True),
        ({"StringLikeIfExists": {"unknown": "x"}}, True),
        ({"ForAllValues:StringEquals": {"many": ["a", "b", "c"]}}, True),
        ({"ForAllValues:StringEquals": {"many": ["a"]}}, False),
        ({"ForAnyValue:StringEquals": {"many": ["a"]}}, True),
        ({"ForAnyValue:StringEquals": {"many": ["c"]}}, False),
    ],
)
def test_conditions_are_evaluated(condition: dict[str, Any], expected: bool) -> None:
    assert allowed(statement(**condition)) is expected


@pytest.mark.parametrize("condition", [{"NumericLessThan": {"aws:RequestedRegion": "1"}}, {"StringEquals": {"unknown": "x"}}])
def test_condition_that_is_not_understood_allows_nothing_and_denies(condition: dict[str, Any]) -> None:
    assert not allowed(statement(**condition))
    assert not allowed(statement(), statement("Deny", **condition))
