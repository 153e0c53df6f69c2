"""Known differences between the twin and AWS (twin/GAPS.md). A test that fails here is good news: take its row out of the table."""

from __future__ import annotations

import io
import json
import re
import time
import urllib.request
import zipfile
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.contract.twin_fixtures import ACCOUNT, REGION, Aws, client_of, wait_for
from twin.settings import PROJECT_ROOT


def test_every_test_that_the_table_names_exists() -> None:
    table = (PROJECT_ROOT / "twin" / "GAPS.md").read_text()
    for file, name in re.findall(r"`(test_\w+\.py)::(\w+)`", table):
        assert f"def {name}(" in (PROJECT_ROOT / "tests" / "contract" / file).read_text()
    for path in re.findall(r"`(tests/[\w/]+\.py)`", table):
        assert (PROJECT_ROOT / path).exists()


def test_wrong_secret_is_not_noticed(aws: Aws) -> None:
    session = boto3.Session(aws.twin.connection.access_key_id, "wrong", region_name=REGION)
    assert client_of(session, "s3", aws.twin.connection.aws_endpoint_url).list_buckets()["Buckets"] == []


def test_bucket_policy_grants_nothing(aws: Aws) -> None:
    s3, iam = aws.client("s3"), aws.client("iam")
    s3.create_bucket(Bucket="open-to-all", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="open-to-all", Key="a", Body=b"x")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::open-to-all/*"}
    s3.put_bucket_policy(Bucket="open-to-all", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    iam.create_user(UserName="guest")
    keys = iam.create_access_key(UserName="guest")["AccessKey"]
    guest = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], region_name=REGION)
    with pytest.raises(ClientError, match="Access Denied"):
        client_of(guest, "s3", aws.twin.connection.aws_endpoint_url).get_object(Bucket="open-to-all", Key="a")


def test_drift_by_hand_stays(aws: Aws) -> None:
    from twin.identity import Keys
    from twin.provision.aws import Aws as ProvisionAws
    from twin.provision.stack import Stack

    connection = aws.twin.connection
    provision = ProvisionAws(connection.aws_endpoint_url, REGION, ACCOUNT, Keys(connection.access_key_id, connection.secret_access_key))
    aws.client("s3").create_bucket(Bucket="deployment", CreateBucketConfiguration={"LocationConstraint": REGION})
    template = {
        "Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}}},
        "Outputs": {"Q": {"Value": {"Ref": "Q"}}},
    }
    stack = Stack(provision, "drift", "deployment")
    stack.apply(template, {})
    sqs, url = aws.client("sqs"), stack.outputs["Q"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "5"})
    assert Stack(provision, "drift", "deployment").apply(template, {})["updated"] == []
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]["VisibilityTimeout"] == "5"


def test_function_sees_packages_that_lambda_lacks(aws: Aws) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("f.py", "import psutil\ndef handler(event, context): return psutil.__name__")
    create: dict[str, Any] = {
        "Runtime": "python3.11",
        "Role": aws.role("looks"),
        "Handler": "f.handler",
        "Code": {"ZipFile": code.getvalue()},
    }
    aws.client("lambda").create_function(FunctionName="looks", **create)
    assert json.load(aws.client("lambda").invoke(FunctionName="looks")["Payload"]) == "psutil"


def test_instances_are_one_process(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="jobs", CreateBucketConfiguration={"LocationConstraint": REGION})
    sagemaker = aws.client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName="three",
        RoleArn=aws.role("three"),
        AlgorithmSpecification={"TrainingImage": "tests", "TrainingInputMode": "File"},
        OutputDataConfig={"S3OutputPath": "s3://jobs/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 3, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    describe = lambda: sagemaker.describe_training_job(TrainingJobName="three")["TrainingJobStatus"]  # noqa: E731
    wait_for(describe, lambda status: status == "Completed")
    streams = aws.client("logs").describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs")["logStreams"]
    assert len(streams) == 1


def test_every_origin_may_read(aws: Aws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="no-rules", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="no-rules", Key="a", Body=b"x")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "no-rules", "Key": "a"})
    request = urllib.request.Request(url, headers={"Origin": "https://anywhere.example.com"})
    with urllib.request.urlopen(request) as reply:
        assert reply.headers["access-control-allow-origin"] in ("*", "https://anywhere.example.com")


def test_alarms_never_fire(aws: Aws) -> None:
    aws.client("sqs").send_message(QueueUrl=aws.client("sqs").create_queue(QueueName="watched")["QueueUrl"], MessageBody="x")
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName="watched",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "watched"}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    assert aws.client("cloudwatch").describe_alarms(AlarmNames=["watched"])["MetricAlarms"][0]["StateValue"] != "ALARM"


def test_items_do_not_expire(aws: Aws) -> None:
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(
        TableName="ttl",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.update_time_to_live(TableName="ttl", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"})
    dynamodb.put_item(TableName="ttl", Item={"pk": {"S": "old"}, "expires_at": {"N": str(int(time.time()) - 10**7)}})
    assert dynamodb.scan(TableName="ttl")["Count"] == 1
