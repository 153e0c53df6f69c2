"""The official sagemaker SDK, unmodified, trains, deploys, predicts and deletes on the twin."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.contract.twin_fixtures import PROGRAMS, REGION, Aws


def test_official_sdk_trains_deploys_predicts_and_deletes(aws: Aws) -> None:
    role = aws.role("sdk")
    aws.client("s3").create_bucket(Bucket="sdk", CreateBucketConfiguration={"LocationConstraint": REGION})
    connection = aws.twin.connection
    environment = {
        "AWS_ENDPOINT_URL": connection.aws_endpoint_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": connection.access_key_id,
        "AWS_SECRET_ACCESS_KEY": connection.secret_access_key,
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, str(PROGRAMS / "sdk.py"), role, "123456789012.dkr.ecr.eu-west-1.amazonaws.com/tests:latest", "sdk"]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    seen = json.loads(done.stdout.rpartition("SEEN ")[2])
    assert seen["status"] == "Completed"
    assert seen["metrics"] == ["loss"]
    assert seen["model_data"].startswith("s3://sdk/out/sdk-")
    assert seen["answer"]["model"] == {"files": ["train/a.csv"], "steps": 3, "greeting": None}
    assert (seen["answer"]["bytes"], seen["answer"]["content_type"]) == (5, "application/x-image")
    assert seen["endpoints"] == []
    assert "loss=1.0000;" in done.stdout
