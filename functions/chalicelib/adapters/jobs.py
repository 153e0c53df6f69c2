"""The ports TrainingJobs and TransformJobs on SageMaker."""

from __future__ import annotations

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import client, code_of, found, is_not_found, translated
from chalicelib.ports import StopAnswer, TrainingJob, TransformJob


class SageMakerTrainingJobs:
    """Training jobs."""

    def describe(self, name: str) -> TrainingJob | None:
        """One DescribeTrainingJob."""
        job = found("sagemaker", "describe_training_job", TrainingJobName=name)
        if job is None:
            return None
        return TrainingJob(
            name=name,
            status=job["TrainingJobStatus"],
            secondary_status=job.get("SecondaryStatus", ""),
            failure_reason=job.get("FailureReason", ""),
            model_artifacts=job.get("ModelArtifacts", {}).get("S3ModelArtifacts"),
        )

    def stop(self, name: str) -> StopAnswer:
        """One StopTrainingJob."""
        return _stop("stop_training_job", TrainingJobName=name)


class SageMakerTransformJobs:
    """Transform jobs."""

    def describe(self, name: str) -> TransformJob | None:
        """One DescribeTransformJob."""
        job = found("sagemaker", "describe_transform_job", TransformJobName=name)
        return TransformJob(name, job["TransformJobStatus"], job.get("FailureReason", "")) if job is not None else None

    def stop(self, name: str) -> StopAnswer:
        """One StopTransformJob."""
        return _stop("stop_transform_job", TransformJobName=name)


def _stop(operation: str, **name: str) -> StopAnswer:
    """A job that is over answers with a ValidationException, like one that is not there."""
    with translated():
        try:
            getattr(client("sagemaker"), operation)(**name)
        except ClientError as error:
            if is_not_found(error):
                return "unknown"
            if code_of(error) == "ValidationException":
                return "over"
            raise
    return "stopping"
