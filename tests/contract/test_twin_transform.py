"""Transform jobs of the twin, by the API: a real server process, SageMaker's words, its failures and its stop."""

from __future__ import annotations

import io
import json
import tarfile
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.twin_fixtures import REGION, Aws, wait_for

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/tests:latest"
KEYS = ("in/a.txt", "in/deep/b c+d.txt", "in/猫.txt")


@pytest.fixture(scope="module")
def model(aws: Aws) -> str:
    s3, role = aws.client("s3"), aws.role("transforms")
    s3.create_bucket(Bucket="batch", CreateBucketConfiguration={"LocationConstraint": REGION})
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        body = b'{"name": "m"}'
        entry = tarfile.TarInfo("model.json")
        entry.size = len(body)
        tar.addfile(entry, io.BytesIO(body))
    s3.put_object(Bucket="batch", Key="model.tar.gz", Body=archive.getvalue())
    for key in KEYS:
        s3.put_object(Bucket="batch", Key=key, Body=key.encode())
    s3.put_object(Bucket="batch", Key="bad/1.txt", Body=b"boom")
    s3.put_object(Bucket="batch", Key="bad/2.txt", Body=b"fine")
    for number in range(20):
        s3.put_object(Bucket="batch", Key=f"slow/{number}.txt", Body=b"slow")
    s3.put_object(Bucket="batch", Key="manifest", Body=json.dumps([{"prefix": "s3://batch/"}, *KEYS[1:]]).encode())
    container = {"Image": IMAGE, "ModelDataUrl": "s3://batch/model.tar.gz"}
    aws.client("sagemaker").create_model(ModelName="m", ExecutionRoleArn=role, PrimaryContainer=container)
    return "m"


def transform(aws: Aws, model: str, source: dict[str, str], **more: Any) -> str:
    name = f"t-{uuid.uuid4().hex[:12]}"
    aws.client("sagemaker").create_transform_job(
        TransformJobName=name,
        ModelName=model,
        TransformInput={"DataSource": {"S3DataSource": source}, "ContentType": "text/plain"} | more.pop("TransformInput", {}),
        TransformOutput={"S3OutputPath": f"s3://batch/out/{name}", "Accept": "application/json"},
        TransformResources={"InstanceType": "ml.c5.large", "InstanceCount": 1},
        **more,
    )
    return name


def ended(aws: Aws, name: str) -> dict[str, Any]:
    sagemaker = aws.client("sagemaker")
    return wait_for(
        lambda: sagemaker.describe_transform_job(TransformJobName=name),
        lambda job: job["TransformJobStatus"] in ("Completed", "Failed", "Stopped"),
    )


def outputs(aws: Aws, name: str) -> dict[str, Any]:
    s3 = aws.client("s3")
    found = s3.list_objects_v2(Bucket="batch", Prefix=f"out/{name}/").get("Contents", [])
    return {o["Key"].removeprefix(f"out/{name}/"): json.load(s3.get_object(Bucket="batch", Key=o["Key"])["Body"]) for o in found}


def test_each_object_below_a_prefix_is_one_request(aws: Aws, model: str) -> None:
    name = transform(
        aws, model, {"S3DataType": "S3Prefix", "S3Uri": "s3://batch/in/"}, Environment={"NAME": "N"}, MaxConcurrentTransforms=2
    )
    job = ended(aws, name)
    assert job["TransformJobStatus"] == "Completed", job
    found = outputs(aws, name)
    assert set(found) == {"a.txt.out", "deep/b c+d.txt.out", "猫.txt.out"}
    told = found["a.txt.out"]
    assert (told["bytes"], told["content_type"], told["accept"], told["name"]) == (8, "text/plain", "application/json", "N")
    listed = aws.client("sagemaker").list_transform_jobs(NameContains=name)["TransformJobSummaries"]
    assert [found["TransformJobStatus"] for found in listed] == ["Completed"]
    assert aws.client("logs").describe_log_streams(logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix=name)["logStreams"]


def test_a_manifest_names_objects_by_their_keys(aws: Aws, model: str) -> None:
    name = transform(aws, model, {"S3DataType": "ManifestFile", "S3Uri": "s3://batch/manifest"})
    assert ended(aws, name)["TransformJobStatus"] == "Completed"
    assert set(outputs(aws, name)) == {f"{key}.out" for key in KEYS[1:]}


def test_one_object_that_fails_fails_the_job_and_the_other_answers_are_kept(aws: Aws, model: str) -> None:
    name = transform(aws, model, {"S3DataType": "S3Prefix", "S3Uri": "s3://batch/bad/"}, ModelClientConfig={"InvocationsMaxRetries": 1})
    job = ended(aws, name)
    assert job["TransformJobStatus"] == "Failed"
    assert "bad/1.txt" in job["FailureReason"]
    assert set(outputs(aws, name)) == {"2.txt.out"}


def test_what_was_stopped_stores_nothing(aws: Aws, model: str) -> None:
    name = transform(aws, model, {"S3DataType": "S3Prefix", "S3Uri": "s3://batch/slow/"})
    wait_for(lambda: "TransformStartTime" in aws.client("sagemaker").describe_transform_job(TransformJobName=name))
    aws.client("sagemaker").stop_transform_job(TransformJobName=name)
    assert ended(aws, name)["TransformJobStatus"] == "Stopped"
    assert outputs(aws, name) == {}
    with pytest.raises(ClientError, match="ValidationException"):
        aws.client("sagemaker").stop_transform_job(TransformJobName=name)


@pytest.mark.parametrize(
    ("more", "words"),
    [({"BatchStrategy": "MultiRecord"}, "MultiRecord"), ({"TransformInput": {"SplitType": "Line"}}, "SplitType Line")],
)
def test_what_the_twin_does_not_do_is_refused(aws: Aws, model: str, more: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=words):
        transform(aws, model, {"S3DataType": "S3Prefix", "S3Uri": "s3://batch/in/"}, **more)


def test_a_model_that_does_not_exist_is_refused_and_a_server_that_does_not_start_fails_the_job(aws: Aws, model: str) -> None:
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://batch/in/"}
    with pytest.raises(ClientError, match="Could not find model"):
        transform(aws, "none", source)
    job = ended(aws, transform(aws, model, source, Environment={"BROKEN": "1"}))
    assert job["TransformJobStatus"] == "Failed"
    assert "ping" in job["FailureReason"]
