"""What a request to moto needs permission for: the real IAM action names and the real resource ARNs.

moto names some actions as the API does (`Invoke`) and knows the resource only for S3, SQS, IAM and STS; for all others it says "*", so
a policy that is scoped to a table or a state machine would be denied.
"""

import json
import re
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

from twin.iam.policies import Need

_SERVICE = {"monitoring": "cloudwatch"}
_ACTION = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:InvokeAsync": "lambda:InvokeFunction",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListParts": "s3:ListMultipartUploadParts",
    "s3:HeadObject": "s3:GetObject",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:UploadPartCopy": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CopyObject": "s3:PutObject",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
_TRANSACTION_ACTION = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
_SAGEMAKER = ("TrainingJob", "ProcessingJob", "TransformJob", "Endpoint", "EndpointConfig", "Model")
# service -> (request parameter, tail of the ARN); the first one that is present wins; None: the parameter is an ARN
_RESOURCE: dict[str, list[tuple[str, str | None]]] = {
    "dynamodb": [("TableName", "table/{}")],
    "states": [("stateMachineArn", None), ("executionArn", None)],
    "sagemaker": [(f"{n}Name", re.sub("(?<!^)(?=[A-Z])", "-", n).lower() + "/{}") for n in _SAGEMAKER],
    "logs": [("logGroupName", "log-group:{}"), ("logGroupIdentifier", "log-group:{}")],
    "events": [("EventBusName", "event-bus/{}"), ("Name", "rule/{}"), ("Rule", "rule/{}")],
    "scheduler": [("Name", "schedule/default/{}")],
    "application-autoscaling": [("ResourceId", "scalable-target/{}")],
}
_PASSED_TO = {
    "sagemaker": "sagemaker.amazonaws.com",
    "lambda": "lambda.amazonaws.com",
    "states": "states.amazonaws.com",
    "scheduler": "scheduler.amazonaws.com",
    "events": "events.amazonaws.com",
}
_ROLE_PARAMETERS = ("RoleArn", "roleArn", "ExecutionRoleArn", "Role")


def needs_of(request: Any, service: str, region: str, given_resource: str) -> list[Need]:
    """All permissions that one request needs. `request` is moto's response object, `given_resource` what moto says."""
    service = _SERVICE.get(service, service)
    name = f"{service}:{request._get_action()}"
    action = _ACTION.get(name, name)
    context = {"aws:requestedregion": region}
    head = f"arn:aws:{service}:{region}:{request.current_account}:"
    body = _json_body(request) if service != "s3" else {}
    if service == "dynamodb":
        return _dynamodb_needs(action, head, body, context)
    if service == "s3":
        return _s3_needs(request, action, given_resource, context)
    if service == "events" and body.get("Entries"):
        return [_event_need(action, head, entry, context) for entry in body["Entries"]]
    resource = _resource(request, service, head, body, given_resource)
    return [Need(action, resource, context), *_passed_roles(service, body, context)]


def _resource(request: Any, service: str, head: str, body: dict[str, Any], given: str) -> str:
    if given != "*" and service in ("sqs", "iam", "sts"):
        return given
    if service == "lambda" and (found := re.search(r"/functions/([^/]+)", request.path)):
        function = unquote(found[1])
        return function if function.startswith("arn:") else head + "function:" + function
    if service == "lambda" and body.get("FunctionName"):
        function = body["FunctionName"]
        return function if function.startswith("arn:") else head + "function:" + function
    if service == "sagemaker" and (found := re.match(r"/endpoints/([^/]+)/", request.path)):
        return head + "endpoint/" + found[1].lower()
    for parameter, tail in _RESOURCE.get(service, ()):
        if value := body.get(parameter):
            return value if tail is None or value.startswith("arn:") else head + tail.format(value)
    return given


def _event_need(action: str, head: str, entry: dict[str, Any], context: dict[str, str]) -> Need:
    """Source: Amazon EventBridge User Guide, "Using IAM policy conditions in Amazon EventBridge"."""
    bus = entry.get("EventBusName") or "default"
    told = {"events:source": entry.get("Source", ""), "events:detail-type": entry.get("DetailType", "")}
    return Need(action, bus if bus.startswith("arn:") else f"{head}event-bus/{bus}", context | told)


def _passed_roles(service: str, body: dict[str, Any], context: dict[str, str]) -> list[Need]:
    """`iam:PassRole` for each role that the request hands to a service."""
    if service not in _PASSED_TO:
        return []
    roles = [body[p] for p in _ROLE_PARAMETERS if isinstance(body.get(p), str) and ":role/" in body[p]]
    return [Need("iam:PassRole", role, context | {"iam:passedtoservice": _PASSED_TO[service]}) for role in roles]


def _dynamodb_needs(action: str, head: str, body: dict[str, Any], context: dict[str, str]) -> list[Need]:
    def table(name: str) -> str:
        return name if name.startswith("arn:") else f"{head}table/{name}"

    if "TransactItems" in body:
        operations = [next(iter(item.items())) for item in body["TransactItems"]]
        needed = {(_TRANSACTION_ACTION[kind], table(operation["TableName"])) for kind, operation in operations}
        return [Need(f"dynamodb:{verb}", resource, context) for verb, resource in sorted(needed)]
    if "RequestItems" in body:
        return [Need(action, table(name), context) for name in body["RequestItems"]]
    if body.get("IndexName"):
        return [Need(action, f"{table(body['TableName'])}/index/{body['IndexName']}", context)]
    return [Need(action, table(body["TableName"]) if body.get("TableName") else "*", context)]


def _s3_needs(request: Any, action: str, given: str, context: dict[str, str]) -> list[Need]:
    prefix = (request.querystring or {}).get("prefix", [""])[0]
    if action == "s3:ListBucket":
        return [Need(action, given.split("/")[0], context | {"s3:prefix": prefix})]
    if action == "s3:DeleteObject" and request.method == "POST":  # DeleteObjects: moto knows only the bucket
        keys = _keys_to_delete(request.body)
        return [Need("s3:DeleteObject", f"{given.split('/')[0]}/{key}", context) for key in keys]
    needs = [Need(action, given, context)]
    if source := request.headers.get("x-amz-copy-source"):
        needs.append(Need("s3:GetObject", "arn:aws:s3:::" + unquote(source).lstrip("/").split("?")[0], context))
    return needs


def _keys_to_delete(body: Any) -> list[str]:
    text = body if isinstance(body, str) else (body or b"").decode()
    tree = ElementTree.fromstring(text)  # noqa: S314  (the caller is already authenticated, and expat limits entities)
    return [element.text or "" for element in tree.iter() if element.tag.rpartition("}")[2] == "Key"]


def _json_body(request: Any) -> dict[str, Any]:
    try:
        body = json.loads(request.raw_body or b"{}")
    except (ValueError, UnicodeDecodeError):
        return {}
    return body if isinstance(body, dict) else {}
