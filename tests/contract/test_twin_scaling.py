"""Autoscaling and serverless variants of the twin's endpoints: what is kept, and what is refused as in AWS."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.twin_fixtures import REGION, Aws, wait_for

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/tests:latest"
SERVERLESS = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
INSTANCES = {"InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
POLICY = {"TargetValue": 600, "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}}


@pytest.fixture(scope="module")
def role(aws: Aws) -> str:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": REGION})
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        model = tarfile.TarInfo("model.json")
        model.size = 2
        tar.addfile(model, io.BytesIO(b"{}"))
    s3.put_object(Bucket="data", Key="model.tar.gz", Body=archive.getvalue())
    return aws.role("serving")


def configure(aws: Aws, role: str, name: str, hosting: dict[str, Any], variants: tuple[str, ...] = ("v1",), **model: Any) -> str:
    sagemaker = aws.client("sagemaker")
    container = {"Image": IMAGE, "ModelDataUrl": "s3://data/model.tar.gz"}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container, **model)
    wanted = [{"VariantName": variant, "ModelName": name, "InitialVariantWeight": 1.0, **hosting} for variant in variants]
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=wanted)
    return name


def deploy(aws: Aws, config: str) -> None:
    aws.client("sagemaker").create_endpoint(EndpointName=config, EndpointConfigName=config)
    found = wait_for(lambda: aws.client("sagemaker").describe_endpoint(EndpointName=config), lambda e: e["EndpointStatus"] != "Creating")
    assert found["EndpointStatus"] == "InService", found


def target(endpoint: str, variant: str = "v1") -> dict[str, str]:
    dimension = "sagemaker:variant:DesiredInstanceCount"
    return {"ServiceNamespace": "sagemaker", "ResourceId": f"endpoint/{endpoint}/variant/{variant}", "ScalableDimension": dimension}


def test_a_policy_is_kept_and_nothing_scales(aws: Aws, role: str) -> None:
    deploy(aws, configure(aws, role, "scaled", INSTANCES))
    scaling, sagemaker = aws.client("application-autoscaling"), aws.client("sagemaker")
    scaling.register_scalable_target(**target("scaled"), MinCapacity=2, MaxCapacity=4)
    kind = {"PolicyName": "p", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": POLICY}
    scaling.put_scaling_policy(**target("scaled"), **kind)
    (found,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert found["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 600
    (variant,) = sagemaker.describe_endpoint(EndpointName="scaled")["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 1, "AWS brings it to the least of the range"
    other = configure(aws, role, "other", INSTANCES, ("v2",))
    with pytest.raises(ClientError, match="deregister"):
        sagemaker.update_endpoint(EndpointName="scaled", EndpointConfigName=other)
    scaling.deregister_scalable_target(**target("scaled"))
    with pytest.raises(scaling.exceptions.ObjectNotFoundException):
        scaling.deregister_scalable_target(**target("scaled"))
    assert scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == [], "they go with their target"
    sagemaker.update_endpoint(EndpointName="scaled", EndpointConfigName=other)
    sagemaker.delete_endpoint(EndpointName="scaled")


def test_what_is_not_there_cannot_be_scaled(aws: Aws) -> None:
    with pytest.raises(ClientError, match="not found"):
        aws.client("application-autoscaling").register_scalable_target(**target("nowhere"), MinCapacity=1, MaxCapacity=2)


def test_a_serverless_variant_answers_at_once(aws: Aws, role: str) -> None:
    deploy(aws, configure(aws, role, "serverless", SERVERLESS))
    answer = aws.client("sagemaker-runtime").invoke_endpoint(EndpointName="serverless", Body=b"four")
    assert json.load(answer["Body"])["bytes"] == 4
    (variant,) = aws.client("sagemaker").describe_endpoint(EndpointName="serverless")["ProductionVariants"]
    assert variant["CurrentServerlessConfig"]["MemorySizeInMB"] == 2048
    aws.client("sagemaker").delete_endpoint(EndpointName="serverless")


@pytest.mark.parametrize(
    "wrong",
    [
        {"variants": ("v1", "v2")},
        {"EnableNetworkIsolation": True},
        {"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}},
    ],
    ids=["variants", "isolation", "vpc"],
)
def test_serverless_is_refused_with(aws: Aws, role: str, wrong: dict[str, Any], request: pytest.FixtureRequest) -> None:
    with pytest.raises(ClientError, match="Serverless inference does not support"):
        configure(aws, role, f"wrong-{request.node.callspec.id}", SERVERLESS, **wrong)
