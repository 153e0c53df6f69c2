"""What AWS asks when one service acts on another's behalf, and moto does not: trust of roles, policies of queues and functions.

Checked over the whole stack after each apply; in AWS the same mistakes fail the deployment or, worse, the first delivery.
"""

import json
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from twin.iam.policies import Need, as_list, is_allowed
from twin.provision.aws import Aws

Problems = Iterator[str]
_TARGET_ACTIONS = {"lambda": "lambda:InvokeFunction", "states": "states:StartExecution", "sqs": "sqs:SendMessage"}


class DeliveryNotAllowed(Exception):
    """AWS would refuse to deliver what the template wants delivered."""


def check(aws: Aws, record: dict[str, dict[str, Any]]) -> None:
    """Look at every resource that delivers.

    Raises:
        DeliveryNotAllowed: the first one that AWS would not let deliver.
    """
    for name, known in record.items():
        if rule := _RULES.get(known["type"]):
            for problem in rule(aws, known):
                raise DeliveryNotAllowed(f"{name}: {problem}")


def _function(aws: Aws, known: dict[str, Any]) -> Problems:
    yield from _trust(aws, known["properties"]["Role"], "lambda.amazonaws.com")


def _state_machine(aws: Aws, known: dict[str, Any]) -> Problems:
    yield from _trust(aws, known["properties"]["RoleArn"], "states.amazonaws.com")


def _schedule(aws: Aws, known: dict[str, Any]) -> Problems:
    target = known["properties"]["Target"]
    yield from _trust(aws, target["RoleArn"], "scheduler.amazonaws.com")
    yield from _allows(aws, target["RoleArn"], [_TARGET_ACTIONS[target["Arn"].split(":")[2]]], target["Arn"])


def _rule(aws: Aws, known: dict[str, Any]) -> Problems:
    for target in known["properties"].get("Targets", []):
        service, arn = target["Arn"].split(":")[2], known["attributes"]["Arn"]
        if service == "lambda":
            yield from _function_lets(aws, target["Arn"], "events.amazonaws.com", arn)
        elif service == "sqs":
            yield from _queue_lets(aws, target["Arn"], "events.amazonaws.com", arn)
        else:
            yield from _trust(aws, target["RoleArn"], "events.amazonaws.com")
            yield from _allows(aws, target["RoleArn"], [_TARGET_ACTIONS[service]], target["Arn"])


def _event_source_mapping(aws: Aws, known: dict[str, Any]) -> Problems:
    properties = known["properties"]
    if ":sqs:" in properties["EventSourceArn"]:
        role = aws.call("lambda", "GetFunctionConfiguration", FunctionName=properties["FunctionName"])["Role"]
        actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        yield from _allows(aws, role, actions, properties["EventSourceArn"])


def _bucket(aws: Aws, known: dict[str, Any]) -> Problems:
    notifications = known["properties"].get("NotificationConfiguration", {})
    source = f"arn:aws:s3:::{known['ref']}"
    for entry in notifications.get("QueueConfigurations", []):
        yield from _queue_lets(aws, entry["Queue"], "s3.amazonaws.com", source)
    for entry in notifications.get("LambdaConfigurations", []):
        yield from _function_lets(aws, entry["Function"], "s3.amazonaws.com", source)


_RULES: dict[str, Callable[[Aws, dict[str, Any]], Problems]] = {
    "AWS::Lambda::Function": _function,
    "AWS::StepFunctions::StateMachine": _state_machine,
    "AWS::Scheduler::Schedule": _schedule,
    "AWS::Events::Rule": _rule,
    "AWS::Lambda::EventSourceMapping": _event_source_mapping,
    "AWS::S3::Bucket": _bucket,
}


def _trust(aws: Aws, role_arn: str, principal: str) -> Problems:
    try:
        document = aws.call("iam", "GetRole", RoleName=role_arn.rsplit("/", 1)[-1])["Role"]["AssumeRolePolicyDocument"]
    except aws.client("iam").exceptions.NoSuchEntityException:
        yield f"no role {role_arn}"
        return
    if not any(principal in as_list(s.get("Principal", {}).get("Service")) for s in document["Statement"]):
        yield f"{principal} may not assume {role_arn}"


def _allows(aws: Aws, role_arn: str, actions: list[str], resource: str) -> Problems:
    role = role_arn.rsplit("/", 1)[-1]
    names = aws.call("iam", "ListRolePolicies", RoleName=role)["PolicyNames"]
    documents = [aws.call("iam", "GetRolePolicy", RoleName=role, PolicyName=n)["PolicyDocument"] for n in names]
    for action in actions:
        if not is_allowed(documents, Need(action, resource)):
            yield f"{role_arn} does not allow {action} on {resource}"


def _queue_lets(aws: Aws, queue_arn: str, principal: str, source: str) -> Problems:
    url = aws.call("sqs", "GetQueueUrl", QueueName=queue_arn.rsplit(":", 1)[-1])["QueueUrl"]
    answer = aws.call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["Policy"])
    policy = answer.get("Attributes", {}).get("Policy")
    if not _policy_lets(policy, principal, "sqs:SendMessage", queue_arn, source):
        yield f"the policy of {queue_arn} does not let {principal} send for {source}"


def _function_lets(aws: Aws, function_arn: str, principal: str, source: str) -> Problems:
    client = aws.client("lambda")
    try:
        policy = client.get_policy(FunctionName=function_arn)["Policy"]
    except client.exceptions.ResourceNotFoundException:
        policy = None
    if not _policy_lets(policy, principal, "lambda:InvokeFunction", function_arn, source):
        yield f"no AWS::Lambda::Permission lets {principal} invoke {function_arn} for {source}"


def _policy_lets(policy: str | None, principal: str, action: str, resource: str, source: str) -> bool:
    """Whether a resource's policy has a statement for this service, action and source."""
    statements = json.loads(policy)["Statement"] if policy else []
    return any(
        statement["Effect"] == "Allow"
        and principal in _services(statement.get("Principal"))
        and any(fnmatchcase(action.lower(), pattern.lower()) for pattern in as_list(statement.get("Action")))
        and any(fnmatchcase(resource, pattern) for pattern in as_list(statement.get("Resource")))
        and _is_from(statement, source)
        for statement in statements
    )


def _services(principal: Any) -> list[str]:
    return as_list(principal.get("Service") if isinstance(principal, dict) else principal)


def _is_from(statement: dict[str, Any], source: str) -> bool:
    tests = [(key, value) for test in statement.get("Condition", {}).values() for key, value in test.items()]
    wanted = [value for key, value in tests if key.lower() == "aws:sourcearn"]
    return all(any(fnmatchcase(source, pattern) for pattern in as_list(value)) for value in wanted)
