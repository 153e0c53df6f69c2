"""Buckets, queues and tables."""

# ruff: noqa: N803  (the names of the parameters are CloudFormation's)

import json
from typing import Any

from twin.provision.aws import Aws, UnsupportedProperty
from twin.provision.resources.registry import Applied, applies, deletes, tag_map


@applies("AWS::S3::Bucket")
def bucket(
    aws: Aws,
    name: str,
    existing: str | None,
    *,
    BucketName: str | None = None,
    NotificationConfiguration: dict[str, Any] | None = None,
    PublicAccessBlockConfiguration: dict[str, Any] | None = None,
    BucketEncryption: dict[str, Any] | None = None,
    VersioningConfiguration: dict[str, Any] | None = None,
    LifecycleConfiguration: dict[str, Any] | None = None,
    CorsConfiguration: dict[str, Any] | None = None,
    OwnershipControls: dict[str, Any] | None = None,
    Tags: Any = None,
) -> Applied:
    """A bucket and its configurations."""
    name = existing or BucketName or name.lower()
    if existing is None:
        aws.call("s3", "CreateBucket", Bucket=name, CreateBucketConfiguration={"LocationConstraint": aws.region})
    configurations: list[tuple[str, str, Any]] = [
        ("PutPublicAccessBlock", "PublicAccessBlockConfiguration", PublicAccessBlockConfiguration),
        ("PutBucketVersioning", "VersioningConfiguration", VersioningConfiguration),
        ("PutBucketOwnershipControls", "OwnershipControls", OwnershipControls),
        ("PutBucketEncryption", "ServerSideEncryptionConfiguration", _encryption(BucketEncryption)),
        ("PutBucketLifecycleConfiguration", "LifecycleConfiguration", _lifecycle(LifecycleConfiguration)),
        ("PutBucketCors", "CORSConfiguration", _cors(CorsConfiguration)),
        ("PutBucketTagging", "Tagging", {"TagSet": Tags} if Tags else None),
    ]
    for operation, parameter, value in configurations:
        if value:
            aws.call("s3", operation, Bucket=name, **{parameter: value})
    notification = _notification(NotificationConfiguration or {})
    aws.call("s3", "PutBucketNotificationConfiguration", Bucket=name, NotificationConfiguration=notification)
    return Applied(name, {"Arn": f"arn:aws:s3:::{name}", "DomainName": f"{name}.s3.amazonaws.com"})


@deletes("AWS::S3::Bucket")
def delete_bucket(aws: Aws, ref: str, _properties: dict[str, Any]) -> None:
    """An empty bucket, as in CloudFormation."""
    aws.call("s3", "DeleteBucket", Bucket=ref)


def _take(entry: dict[str, Any], path: str, names: dict[str, str]) -> dict[str, Any]:
    """CloudFormation's names of members as the API's; one that is not listed is refused."""
    if unknown := set(entry) - set(names):
        raise UnsupportedProperty(f"{path}: {', '.join(sorted(unknown))}")
    return {names[key]: value for key, value in entry.items()}


def _encryption(configuration: dict[str, Any] | None) -> dict[str, Any] | None:
    if configuration is None:
        return None
    rules = []
    for rule in configuration["ServerSideEncryptionConfiguration"]:
        known = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault", "BucketKeyEnabled": "BucketKeyEnabled"}
        rules.append(_take(rule, "BucketEncryption", known))
    return {"Rules": rules}


def _lifecycle(configuration: dict[str, Any] | None) -> dict[str, Any] | None:
    """CloudFormation: ExpirationInDays, Prefix beside it, Id. S3: Expiration.Days, Filter.Prefix, ID."""
    if configuration is None:
        return None
    rules = []
    for rule in configuration["Rules"]:
        rest = dict(rule)
        made = {"Status": rest.pop("Status"), "Filter": {"Prefix": rest.pop("Prefix", "")}}
        if "Id" in rest:
            made["ID"] = rest.pop("Id")
        if "ExpirationInDays" in rest:
            made["Expiration"] = {"Days": rest.pop("ExpirationInDays")}
        if "AbortIncompleteMultipartUpload" in rest:
            made["AbortIncompleteMultipartUpload"] = rest.pop("AbortIncompleteMultipartUpload")
        if "NoncurrentVersionExpiration" in rest:
            made["NoncurrentVersionExpiration"] = rest.pop("NoncurrentVersionExpiration")
        if rest:
            raise UnsupportedProperty(f"LifecycleConfiguration.Rules: {', '.join(sorted(rest))}")
        rules.append(made)
    return {"Rules": rules}


def _cors(configuration: dict[str, Any] | None) -> dict[str, Any] | None:
    if configuration is None:
        return None
    same = {name: name for name in ("AllowedHeaders", "AllowedMethods", "AllowedOrigins")}
    names = same | {"ExposedHeaders": "ExposeHeaders", "Id": "ID", "MaxAge": "MaxAgeSeconds"}
    return {"CORSRules": [_take(rule, "CorsConfiguration.CorsRules", names) for rule in configuration["CorsRules"]]}


def _notification(configuration: dict[str, Any]) -> dict[str, Any]:
    """CloudFormation: Event, Queue, Filter.S3Key.Rules. S3: Events, QueueArn, Filter.Key.FilterRules."""
    kinds = {
        "QueueConfigurations": ("QueueConfigurations", "Queue", "QueueArn"),
        "LambdaConfigurations": ("LambdaFunctionConfigurations", "Function", "LambdaFunctionArn"),
    }
    made: dict[str, Any] = {}
    for kind, entries in configuration.items():
        if kind == "EventBridgeConfiguration":
            made[kind] = {}
            continue
        if kind not in kinds:
            raise UnsupportedProperty(f"NotificationConfiguration.{kind}")
        api_kind, target, arn = kinds[kind]
        made[api_kind] = [_notification_entry(entry, kind, target, arn) for entry in entries]
    return made


def _notification_entry(entry: dict[str, Any], kind: str, target: str, arn: str) -> dict[str, Any]:
    renamed = _take(entry, f"NotificationConfiguration.{kind}", {"Event": "Events", target: arn, "Filter": "Filter"})
    renamed["Events"] = [renamed["Events"]]
    if "Filter" in renamed:
        renamed["Filter"] = {"Key": {"FilterRules": renamed["Filter"]["S3Key"]["Rules"]}}
    return renamed


@applies("AWS::SQS::Queue")
def queue(
    aws: Aws,
    name: str,
    existing: str | None,
    *,
    QueueName: str | None = None,
    VisibilityTimeout: Any = None,
    MessageRetentionPeriod: Any = None,
    DelaySeconds: Any = None,
    ReceiveMessageWaitTimeSeconds: Any = None,
    MaximumMessageSize: Any = None,
    RedrivePolicy: Any = None,
    FifoQueue: Any = None,
    ContentBasedDeduplication: Any = None,
    SqsManagedSseEnabled: Any = None,
    Tags: Any = None,
) -> Applied:
    """A queue. Its attributes are a map of texts, which botocore cannot check: hence the signature."""
    given = {
        "VisibilityTimeout": VisibilityTimeout,
        "MessageRetentionPeriod": MessageRetentionPeriod,
        "DelaySeconds": DelaySeconds,
        "ReceiveMessageWaitTimeSeconds": ReceiveMessageWaitTimeSeconds,
        "MaximumMessageSize": MaximumMessageSize,
        "RedrivePolicy": RedrivePolicy,
        "FifoQueue": FifoQueue,
        "ContentBasedDeduplication": ContentBasedDeduplication,
        "SqsManagedSseEnabled": SqsManagedSseEnabled,
    }
    attributes = {k: json.dumps(v) if isinstance(v, dict) else str(v).lower() for k, v in given.items() if v is not None}
    if existing is None:
        made = aws.call("sqs", "CreateQueue", QueueName=QueueName or name, Attributes=attributes, tags=tag_map(Tags))
        existing = str(made["QueueUrl"])
    else:
        aws.call("sqs", "SetQueueAttributes", QueueUrl=existing, Attributes=attributes)
    name = existing.rsplit("/", 1)[-1]
    arn = f"arn:aws:sqs:{aws.region}:{aws.account}:{name}"
    return Applied(existing, {"Arn": arn, "QueueName": name, "QueueUrl": existing})


@deletes("AWS::SQS::Queue")
def delete_queue(aws: Aws, ref: str, _properties: dict[str, Any]) -> None:
    """A queue and its messages."""
    aws.call("sqs", "DeleteQueue", QueueUrl=ref)


@applies("AWS::SQS::QueuePolicy")
def queue_policy(aws: Aws, name: str, existing: str | None, *, Queues: list[str], PolicyDocument: Any) -> Applied:
    """The policy of some queues."""
    for url in Queues:
        aws.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": PolicyDocument})
    return Applied(existing or name)


@deletes("AWS::SQS::QueuePolicy")
def delete_queue_policy(aws: Aws, _ref: str, properties: dict[str, Any]) -> None:
    """No policy any more."""
    for url in properties["Queues"]:
        aws.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": ""})


@applies("AWS::DynamoDB::Table")
def table(
    aws: Aws,
    name: str,
    existing: str | None,
    *,
    AttributeDefinitions: Any,
    KeySchema: Any,
    TableName: str | None = None,
    BillingMode: Any = None,
    GlobalSecondaryIndexes: Any = None,
    LocalSecondaryIndexes: Any = None,
    PointInTimeRecoverySpecification: Any = None,
    TimeToLiveSpecification: Any = None,
    StreamSpecification: Any = None,
    SSESpecification: Any = None,
    DeletionProtectionEnabled: Any = None,
    Tags: Any = None,
) -> Applied:
    """A table. Its keys and indexes cannot change."""
    name = existing or TableName or name
    if existing is None:
        encryption = {"Enabled" if k == "SSEEnabled" else k: v for k, v in (SSESpecification or {}).items()} or None
        aws.call(
            "dynamodb",
            "CreateTable",
            TableName=name,
            AttributeDefinitions=AttributeDefinitions,
            KeySchema=KeySchema,
            GlobalSecondaryIndexes=GlobalSecondaryIndexes,
            LocalSecondaryIndexes=LocalSecondaryIndexes,
            BillingMode=BillingMode,
            StreamSpecification={"StreamEnabled": True, **StreamSpecification} if StreamSpecification else None,
            SSESpecification=encryption,
            DeletionProtectionEnabled=DeletionProtectionEnabled,
            Tags=Tags,
        )
    else:
        _refuse_new_keys(aws.call("dynamodb", "DescribeTable", TableName=name)["Table"], KeySchema, GlobalSecondaryIndexes)
    if PointInTimeRecoverySpecification:
        specification = PointInTimeRecoverySpecification
        aws.call("dynamodb", "UpdateContinuousBackups", TableName=name, PointInTimeRecoverySpecification=specification)
    if TimeToLiveSpecification and existing is None:
        aws.call("dynamodb", "UpdateTimeToLive", TableName=name, TimeToLiveSpecification=TimeToLiveSpecification)
    found = aws.call("dynamodb", "DescribeTable", TableName=name)["Table"]
    return Applied(name, {"Arn": found["TableArn"], "StreamArn": found.get("LatestStreamArn")})


@deletes("AWS::DynamoDB::Table")
def delete_table(aws: Aws, ref: str, _properties: dict[str, Any]) -> None:
    """A table and its items."""
    aws.call("dynamodb", "DeleteTable", TableName=ref)


def _refuse_new_keys(found: dict[str, Any], keys: Any, indexes: Any) -> None:
    present = {index["IndexName"] for index in found.get("GlobalSecondaryIndexes", [])}
    if found["KeySchema"] != keys or present != {index["IndexName"] for index in indexes or []}:
        raise UnsupportedProperty("a change of keys or indexes needs a new table: start the twin with an empty state folder")
