"""Provisioning is strict: what the twin cannot honour is refused by name; what is unchanged is left alone; no delivery that AWS refuses."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.contract.twin_fixtures import ACCOUNT, REGION, Aws
from twin.identity import Keys
from twin.provision.aws import Aws as ProvisionAws
from twin.provision.aws import UnsupportedProperty
from twin.provision.deliveries import DeliveryNotAllowed
from twin.provision.intrinsics import UnsupportedIntrinsic
from twin.provision.stack import Stack

Template = dict[str, Any]


def trusted_by(service: str, *statements: dict[str, Any]) -> dict[str, Any]:
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}
    policy = {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust, "Policies": [policy] if statements else []}}


def arn_of(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, "Arn"]}


SEND = {
    "Effect": "Allow",
    "Principal": {"Service": "s3.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": arn_of("Queue"),
    "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::dropped-here"}},
}
TEMPLATE: Template = {
    "Parameters": {"Days": {"Type": "Number", "Default": 3}},
    "Conditions": {"Never": {"Fn::Equals": [{"Ref": "Days"}, "0"]}},
    "Resources": {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "DependsOn": "QueuePolicy",
            "Properties": {
                "BucketName": "dropped-here",
                "NotificationConfiguration": {"QueueConfigurations": [{"Event": "s3:ObjectCreated:*", "Queue": arn_of("Queue")}]},
                "LifecycleConfiguration": {
                    "Rules": [{"Id": "old", "Status": "Enabled", "Prefix": "tmp/", "ExpirationInDays": {"Ref": "Days"}}]
                },
                "CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": 60}]},
            },
        },
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}},
        "QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [SEND]}},
        },
        "Role": trusted_by("states.amazonaws.com"),
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "RoleArn": arn_of("Role"),
                "DefinitionString": json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Comment": "${What}", "End": True}}}),
                "DefinitionSubstitutions": {"What": {"Fn::Sub": "${Queue.QueueName} of ${AWS::StackName}"}},
            },
        },
        "RuleRole": trusted_by(
            "events.amazonaws.com", {"Effect": "Allow", "Action": "states:StartExecution", "Resource": {"Ref": "Machine"}}
        ),
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["aws.s3"]},
                "Targets": [{"Id": "1", "Arn": {"Ref": "Machine"}, "RoleArn": arn_of("RuleRole")}],
            },
        },
        "Never": {"Type": "AWS::SQS::Queue", "Condition": "Never", "Properties": {}},
    },
    "Outputs": {"Queue": {"Value": {"Ref": "Queue"}}},
}


@pytest.fixture(scope="module")
def provision_aws(aws: Aws) -> ProvisionAws:
    connection = aws.twin.connection
    aws.client("s3").create_bucket(Bucket="deployment", CreateBucketConfiguration={"LocationConstraint": REGION})
    return ProvisionAws(connection.aws_endpoint_url, REGION, ACCOUNT, Keys(connection.access_key_id, connection.secret_access_key))


def apply(aws: ProvisionAws, template: Template, **parameters: str) -> dict[str, list[str]]:
    return Stack(aws, "s", "deployment").apply(template, parameters)


@pytest.fixture
def template(provision_aws: ProvisionAws) -> Template:
    """A copy of the template, which is applied already."""
    apply(provision_aws, TEMPLATE)
    return copy.deepcopy(TEMPLATE)


def test_first_apply_creates_and_second_touches_nothing(provision_aws: ProvisionAws) -> None:
    first = apply(provision_aws, TEMPLATE)
    assert set(first["created"]) == set(TEMPLATE["Resources"]) - {"Never"}
    assert first["created"].index("QueuePolicy") < first["created"].index("Bucket")
    again = apply(provision_aws, TEMPLATE)
    assert (again["created"], again["updated"], again["deleted"]) == ([], [], [])
    assert set(again["unchanged"]) == set(first["created"])


def test_change_touches_only_what_depends_on_it(provision_aws: ProvisionAws, template: Template) -> None:
    done = apply(provision_aws, template, Days="5")
    assert done["updated"] == ["Bucket"]
    template["Resources"]["Queue"]["Properties"]["VisibilityTimeout"] = 61
    done = apply(provision_aws, template, Days="5")
    assert done["updated"] == ["Queue"]


def test_queue_keeps_its_policy_when_its_attributes_change(aws: Aws, provision_aws: ProvisionAws, template: Template) -> None:
    template["Resources"]["Queue"]["Properties"]["VisibilityTimeout"] = 62
    apply(provision_aws, template)
    url = Stack(provision_aws, "s", "deployment").outputs["Queue"]
    assert "Policy" in aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]


def test_removed_resource_is_deleted(provision_aws: ProvisionAws, template: Template) -> None:
    del template["Resources"]["Rule"]
    del template["Resources"]["RuleRole"]
    assert apply(provision_aws, template)["deleted"] == ["Rule", "RuleRole"]


def test_state_machine_gets_its_substitutions(aws: Aws, provision_aws: ProvisionAws, template: Template) -> None:
    machines = aws.client("stepfunctions").list_state_machines()["stateMachines"]
    definition = aws.client("stepfunctions").describe_state_machine(stateMachineArn=machines[0]["stateMachineArn"])["definition"]
    assert json.loads(definition)["States"]["A"]["Comment"].endswith(" of s")


REFUSED = {
    "an unknown type": (
        "Stream",
        {"Type": "AWS::Kinesis::Stream", "Properties": {}},
        UnsupportedProperty,
        "Stream: .*AWS::Kinesis::Stream",
    ),
    "an unknown property": ("Queue", {"KmsMasterKeyId": "x"}, UnsupportedProperty, "Queue .*KmsMasterKeyId"),
    "an unknown property that is passed on": ("Rule", {"Targets": [{"Id": "1", "Arn": "a", "Colour": "x"}]}, UnsupportedProperty, "Colour"),
    "an unknown nested property": ("Bucket", {"CorsConfiguration": {"CorsRules": [{"Colour": "x"}]}}, UnsupportedProperty, "Colour"),
    "an unknown lifecycle": (
        "Bucket",
        {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "Transitions": []}]}},
        UnsupportedProperty,
        "Transitions",
    ),
    "an unknown intrinsic function": ("Queue", {"DelaySeconds": {"Fn::Base64": "x"}}, UnsupportedIntrinsic, "Fn::Base64"),
    "a reference to nothing": ("Queue", {"DelaySeconds": {"Ref": "Nothing"}}, UnsupportedProperty, "Nothing"),
    "an unused substitution": ("Machine", {"DefinitionSubstitutions": {"What": "x", "Nobody": "x"}}, ValueError, "Nobody is not used"),
    "a missing substitution": ("Machine", {"DefinitionSubstitutions": {}}, ValueError, r"no DefinitionSubstitutions for \$\{What"),
    "a queue whose policy does not let S3 send": (
        "QueuePolicy",
        {
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [SEND | {"Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::other"}}}],
            }
        },
        DeliveryNotAllowed,
        "does not let s3.amazonaws.com send",
    ),
    "a role that the service may not assume": (
        "Role",
        trusted_by("lambda.amazonaws.com")["Properties"],
        DeliveryNotAllowed,
        "may not assume",
    ),
    "a rule whose role may not start its target": (
        "RuleRole",
        trusted_by("events.amazonaws.com", {"Effect": "Allow", "Action": "states:StartExecution", "Resource": "arn:aws:states:::other"})[
            "Properties"
        ],
        DeliveryNotAllowed,
        "does not allow states:StartExecution",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_template_is_refused_with(what: str, provision_aws: ProvisionAws, template: Template) -> None:
    name, change, error, message = REFUSED[what]
    resource = template["Resources"].setdefault(name, change)
    if "Type" not in change:
        resource["Properties"] |= change
    with pytest.raises(error, match=message) as caught:
        apply(provision_aws, template)
    told = str(caught.value) + " ".join(getattr(caught.value, "__notes__", []))
    assert name in told or error is DeliveryNotAllowed  # which names the resource that would deliver


def test_retained_bucket_is_not_replaced(provision_aws: ProvisionAws, template: Template) -> None:
    template["Resources"]["Bucket"]["DeletionPolicy"] = "Retain"
    apply(provision_aws, template)
    template["Resources"]["Bucket"]["Properties"]["BucketName"] = "elsewhere"
    with pytest.raises(UnsupportedProperty, match="is retained: start the twin with an empty state folder"):
        apply(provision_aws, template)
