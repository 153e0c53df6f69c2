"""Training and processing jobs of the twin, by the API: real processes, real files, SageMaker's words."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.contract.twin_fixtures import REGION, Aws, wait_for
from tests.contract.twin_jobs import ENDED, IMAGE, body, described, ended, make_role, model_of, running, train


@pytest.fixture(scope="module")
def role(aws: Aws) -> str:
    return make_role(aws)


def test_training_job_reads_its_channel_and_writes_a_model(aws: Aws, role: str) -> None:
    job = ended(aws, train(aws, role, steps="3", output="notes"))
    assert job["TrainingJobStatus"] == "Completed"
    statuses = [t["Status"] for t in job["SecondaryStatusTransitions"]]
    assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert job["FinalMetricDataList"][0]["MetricName"] == "loss"
    assert job["FinalMetricDataList"][0]["Value"] == pytest.approx(0.3333)
    assert job["TrainingTimeInSeconds"] >= 1
    model = model_of(aws, job)
    assert model["files"] == ["train/a.csv", "train/deep/b c+d.csv", "train/猫/图.csv"]
    assert model["greeting"] == "hello"
    assert body(aws, f"out/{job['TrainingJobName']}/output/output.tar.gz")


def test_training_job_logs_to_its_stream(aws: Aws, role: str) -> None:
    name = train(aws, role, steps="2")
    ended(aws, name)
    logs = aws.client("logs")
    streams = logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=f"{name}/algo-1-")["logStreams"]
    events = logs.get_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=streams[0]["logStreamName"])["events"]
    assert [e["message"] for e in events] == ["step=1 loss=1.0000;", "step=2 loss=0.5000;", "saved"]


def test_manifest_names_the_objects_of_a_channel(aws: Aws, role: str) -> None:
    manifest = [{"prefix": "s3://data/"}, "d/deep/b c+d.csv", "d/猫/图.csv"]
    aws.client("s3").put_object(Bucket="data", Key="manifests/m", Body=json.dumps(manifest).encode())
    job = ended(aws, train(aws, role, channel={"S3DataType": "ManifestFile", "S3Uri": "s3://data/manifests/m"}))
    assert model_of(aws, job)["files"] == ["train/d/deep/b c+d.csv", "train/d/猫/图.csv"]


def test_missing_object_of_a_manifest_fails_the_job(aws: Aws, role: str) -> None:
    manifest = [{"prefix": "s3://data/d/"}, "a.csv", "gone.csv"]
    aws.client("s3").put_object(Bucket="data", Key="manifests/gone", Body=json.dumps(manifest).encode())
    job = ended(aws, train(aws, role, channel={"S3DataType": "ManifestFile", "S3Uri": "s3://data/manifests/gone"}))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed:NoSuchKey (404)")


@pytest.mark.parametrize("path", ["../../escape.csv", "/../../../escape"])
def test_object_cannot_be_written_outside_of_its_channel(aws: Aws, role: str, path: str) -> None:
    key = f"manifests/{uuid.uuid4().hex}"
    aws.client("s3").put_object(Bucket="data", Key="evil/" + path, Body=b"x")
    aws.client("s3").put_object(Bucket="data", Key=key, Body=json.dumps([{"prefix": "s3://data/evil/"}, path]).encode())
    job = ended(aws, train(aws, role, channel={"S3DataType": "ManifestFile", "S3Uri": f"s3://data/{key}"}))
    assert "outside of its channel" in job["FailureReason"]


def test_empty_channel_fails_the_job(aws: Aws, role: str) -> None:
    job = ended(aws, train(aws, role, channel={"S3DataType": "S3Prefix", "S3Uri": "s3://data/nothing/"}))
    assert 'No S3 objects found under S3 URL "s3://data/nothing/"' in job["FailureReason"]


def test_job_reads_only_what_its_role_may(aws: Aws, role: str) -> None:
    one = aws.role("one-prefix", {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/elsewhere/*"]})
    job = ended(aws, train(aws, one))
    assert job["FailureReason"].startswith("ClientError: Data download failed:AccessDenied (403)")


def test_failure_file_becomes_the_failure_reason(aws: Aws, role: str) -> None:
    job = ended(aws, train(aws, role, failure="x" * 2000))
    assert job["TrainingJobStatus"] == "Failed"
    assert len(job["FailureReason"]) == 1024
    assert job["FailureReason"].startswith("AlgorithmError: xxx")
    assert job["FailureReason"].endswith(", exit code: 1")
    assert "ModelArtifacts" not in job


def test_killed_program_fails_the_job(aws: Aws, role: str) -> None:
    job = ended(aws, train(aws, role, kill="1"))
    assert job["FailureReason"] == "AlgorithmError: , exit code: 137"


def test_stop_lets_the_program_save_its_model(aws: Aws, role: str) -> None:
    name = train(aws, role, steps="1000")
    running(aws, name)
    aws.client("sagemaker").stop_training_job(TrainingJobName=name)
    job = ended(aws, name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert model_of(aws, job)["steps"] < 1000


def test_out_of_time_lets_the_program_save_its_model(aws: Aws, role: str) -> None:
    job = ended(aws, train(aws, role, max_runtime_s=1, steps="1000"))
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert model_of(aws, job)["steps"] < 1000


def test_checkpoints_are_synced_while_the_job_runs_and_come_back(aws: Aws, role: str) -> None:
    name = train(aws, role, steps="1000", checkpoints="shared")
    key = "checkpoints/shared/step.txt"
    listed = lambda: aws.client("s3").list_objects_v2(Bucket="data", Prefix=key).get("Contents")  # noqa: E731
    wait_for(listed)
    assert described(aws, name)["TrainingJobStatus"] == "InProgress"
    aws.client("sagemaker").stop_training_job(TrainingJobName=name)
    ended(aws, name)
    first = int(body(aws, key))
    ended(aws, train(aws, role, steps="2", checkpoints="shared"))
    assert int(body(aws, key)) == first + 2


def test_unknown_image_fails_the_job(aws: Aws, role: str) -> None:
    assert "Cannot pull nothing:1" in ended(aws, train(aws, role, image="nothing:1"))["FailureReason"]


def test_name_of_a_job_is_used_once(aws: Aws, role: str) -> None:
    name = train(aws, role)
    request = described(aws, name)
    again = {
        k: request[k]
        for k in ("TrainingJobName", "RoleArn", "AlgorithmSpecification", "OutputDataConfig", "ResourceConfig", "StoppingCondition")
    }
    with pytest.raises(aws.client("sagemaker").exceptions.ResourceInUse):
        aws.client("sagemaker").create_training_job(**again)


def test_quota_is_refused_in_sagemaker_s_words(aws: Aws, role: str) -> None:
    quotas = aws.twin.state / "quotas.json"
    quotas.write_text('{"ml.m5.large": 0}')
    try:
        with pytest.raises(
            aws.client("sagemaker").exceptions.ResourceLimitExceeded, match=r"ml\.m5\.large for training job usage' is 0 Inst"
        ):
            train(aws, role)
    finally:
        quotas.unlink()


def test_state_changes_are_events(aws: Aws, role: str) -> None:
    sqs, events = aws.client("sqs"), aws.client("events")
    url = sqs.create_queue(QueueName="job-events")["QueueUrl"]
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Training Job State Change"],
        "detail": {"TrainingJobStatus": ["Completed"]},
    }
    events.put_rule(Name="jobs", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="jobs", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:{REGION}:123456789012:job-events"}])
    name = train(aws, role)
    ended(aws, name)
    told = set()

    def names() -> set[str]:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
            told.add(json.loads(message["Body"])["detail"]["TrainingJobName"])
        return told

    wait_for(names, lambda found: name in found)
    events.remove_targets(Rule="jobs", Ids=["1"])


def process(aws: Aws, role: str, *arguments: str) -> dict[str, Any]:
    name = f"processing-{uuid.uuid4().hex[:12]}"
    sagemaker = aws.client("sagemaker")
    sagemaker.create_processing_job(
        ProcessingJobName=name,
        RoleArn=role,
        AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": ["process"], "ContainerArguments": list(arguments) or ["now"]},
        Environment={"GREETING": "hello"},
        ProcessingInputs=[
            {
                "InputName": "in",
                "S3Input": {
                    "S3Uri": "s3://data/d/",
                    "LocalPath": "/opt/ml/processing/input/in",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            },
        ],
        ProcessingOutputConfig={
            "Outputs": [
                {
                    "OutputName": "out",
                    "S3Output": {"S3Uri": f"s3://data/{name}", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"},
                },
            ],
        },
        ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    describe = lambda: sagemaker.describe_processing_job(ProcessingJobName=name)  # noqa: E731
    return wait_for(describe, lambda job: job["ProcessingJobStatus"] in ENDED)


def test_processing_job_maps_inputs_and_outputs(aws: Aws, role: str) -> None:
    job = process(aws, role, "now")
    assert job["ProcessingJobStatus"] == "Completed"
    lines = body(aws, f"{job['ProcessingJobName']}/deep/names.txt").decode().splitlines()
    assert lines == ["in/a.csv", "in/deep/b c+d.csv", "in/猫/图.csv", "now", "hello"]


def test_processing_job_fails_with_its_exit_code(aws: Aws, role: str) -> None:
    job = process(aws, role, "fail")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].endswith("exit code: 4")
