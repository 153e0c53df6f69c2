"""The port Endpoints on SageMaker."""

from __future__ import annotations

from collections.abc import Sequence

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import client, code_of, found, is_not_found, translated
from chalicelib.ports import EndpointState
from droplearn.contracts.errors import TransientError

PREFIX = "service-"


class SageMakerEndpoints:
    """Endpoints, their configurations and models."""

    def state(self, service_id: str) -> EndpointState | None:
        """One DescribeEndpoint."""
        endpoint = found("sagemaker", "describe_endpoint", EndpointName=service_id)
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
            names = [endpoint["EndpointName"] for page in pages for endpoint in page["Endpoints"]]
        return [name for name in names if name.startswith(PREFIX)]

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
