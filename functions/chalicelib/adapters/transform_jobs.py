"""The port TransformJobs on SageMaker."""

from __future__ import annotations

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import client, code_of, is_not_found, translated
from chalicelib.ports import StopAnswer, TransformJob


class SageMakerTransformJobs:
    """Transform jobs."""

    def describe(self, name: str) -> TransformJob | None:
        """One DescribeTransformJob."""
        with translated():
            try:
                job = client("sagemaker").describe_transform_job(TransformJobName=name)
            except ClientError as error:
                if is_not_found(error):
                    return None
                raise
        return TransformJob(name, job["TransformJobStatus"], job.get("FailureReason", ""))

    def stop(self, name: str) -> StopAnswer:
        """A job that is over answers with a ValidationException."""
        with translated():
            try:
                client("sagemaker").stop_transform_job(TransformJobName=name)
            except ClientError as error:
                if is_not_found(error):
                    return "unknown"
                if code_of(error) == "ValidationException":
                    return "over"
                raise
        return "stopping"
