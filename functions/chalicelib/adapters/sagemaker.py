"""The ports TrainingJobs and Endpoints on SageMaker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import client, code_of, is_not_found, translated
from chalicelib.ports import EndpointState, StopAnswer, TrainingJob
from droplearn.contracts.errors import TransientError

PREFIX = "service-"


class SageMakerTrainingJobs:
    """Training jobs."""

    def describe(self, name: str) -> TrainingJob | None:
        """One DescribeTrainingJob."""
        job = _known("describe_training_job", TrainingJobName=name)
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
        """A job that is over answers with a ValidationException, like one that is not there."""
        with translated():
            try:
                client("sagemaker").stop_training_job(TrainingJobName=name)
            except ClientError as error:
                if is_not_found(error):
                    return "unknown"
                if code_of(error) == "ValidationException":
                    return "over"
                raise
        return "stopping"


class SageMakerEndpoints:
    """Endpoints, their configurations and models."""

    def state(self, service_id: str) -> EndpointState | None:
        """One DescribeEndpoint."""
        endpoint = _known("describe_endpoint", EndpointName=service_id)
        if endpoint is None:
            return None
        weights = {v["VariantName"]: float(v.get("CurrentWeight", 1.0)) for v in endpoint.get("ProductionVariants", [])}
        instances = {v["VariantName"]: int(v.get("CurrentInstanceCount", 0)) for v in endpoint.get("ProductionVariants", [])}
        return EndpointState(
            endpoint["EndpointStatus"], endpoint.get("FailureReason", ""), endpoint["EndpointConfigName"], weights, instances
        )

    def names(self) -> list[str]:
        """ListEndpoints, page after page."""
        with translated():
            pages = client("sagemaker").get_paginator("list_endpoints").paginate(NameContains=PREFIX)
            found = [endpoint["EndpointName"] for page in pages for endpoint in page["Endpoints"]]
        return [name for name in found if name.startswith(PREFIX)]

    def remove(self, service_id: str, configs: Sequence[str], models: Sequence[str]) -> None:
        """The endpoint first: it is what is billed."""
        self._delete("delete_endpoint", EndpointName=service_id)
        for name in configs:
            self._delete("delete_endpoint_config", EndpointConfigName=name)
        for name in models:
            self._delete("delete_model", ModelName=name)

    def _delete(self, operation: str, **name: str) -> None:
        with translated():
            try:
                getattr(client("sagemaker"), operation)(**name)
            except ClientError as error:
                if is_not_found(error):
                    return
                if code_of(error) == "ValidationException":  # as long as it is being created
                    raise TransientError("service.not_removable_yet", str(error), hint="It is tried again.") from error
                raise


def _known(operation: str, **name: str) -> dict[str, Any] | None:
    with translated():
        try:
            return dict(getattr(client("sagemaker"), operation)(**name))
        except ClientError as error:
            if is_not_found(error):
                return None
            raise
