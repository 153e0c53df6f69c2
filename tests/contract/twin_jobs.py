"""Training jobs of a bare twin: started, waited for, and what they wrote."""

from __future__ import annotations

import io
import json
import tarfile
import uuid
from typing import Any

from tests.contract.twin_fixtures import REGION, Aws, wait_for

ENDED = ("Completed", "Failed", "Stopped")
IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/tests:latest"


def make_role(aws: Aws) -> str:
    """With the bucket `data`, and four objects in it."""
    arn = aws.role("jobs")
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in ("d/a.csv", "d/deep/b c+d.csv", "d/猫/图.csv", "elsewhere/x.csv"):
        s3.put_object(Bucket="data", Key=key, Body=key.encode())
    return arn


def train(aws: Aws, role: str, *, max_runtime_s: int = 60, image: str = IMAGE, channel: Any = None, **parameters: str) -> str:
    name = f"job-{uuid.uuid4().hex[:12]}"
    source = channel or {"S3DataType": "S3Prefix", "S3Uri": "s3://data/d/"}
    aws.client("sagemaker").create_training_job(
        TrainingJobName=name,
        RoleArn=role,
        HyperParameters=parameters,
        AlgorithmSpecification={
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": r"loss=([0-9.]+);"}],
        },
        InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        Environment={"GREETING": "hello"},
        OutputDataConfig={"S3OutputPath": "s3://data/out"},
        CheckpointConfig={"S3Uri": f"s3://data/checkpoints/{parameters.get('checkpoints', name)}"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": max_runtime_s},
    )
    return name


def described(aws: Aws, name: str) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("sagemaker").describe_training_job(TrainingJobName=name)
    return found


def ended(aws: Aws, name: str) -> dict[str, Any]:
    return wait_for(lambda: described(aws, name), lambda job: job["TrainingJobStatus"] in ENDED)


def running(aws: Aws, name: str) -> None:
    """Until the program has written its first checkpoint."""
    logs = aws.client("logs")
    group = {"logGroupName": "/aws/sagemaker/TrainingJobs"}
    wait_for(lambda: described(aws, name), lambda job: job["SecondaryStatus"] == "Training")
    stream = wait_for(lambda: logs.describe_log_streams(**group, logStreamNamePrefix=name)["logStreams"])[0]["logStreamName"]
    wait_for(lambda: logs.get_log_events(**group, logStreamName=stream)["events"])


def body(aws: Aws, key: str) -> bytes:
    found: bytes = aws.client("s3").get_object(Bucket="data", Key=key)["Body"].read()
    return found


def model_of(aws: Aws, job: dict[str, Any]) -> dict[str, Any]:
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://data/")
    with tarfile.open(fileobj=io.BytesIO(body(aws, key))) as archive:
        file = archive.extractfile("model.json")
        assert file is not None
        found: dict[str, Any] = json.load(file)
    return found
