"""The port Invoker on the SageMaker runtime."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import client, code_of, is_not_found, translated
from chalicelib.ports import Answer
from droplearn.contracts.errors import CapacityUnavailable


class SageMakerInvoker:
    """InvokeEndpoint."""

    def invoke(self, service_id: str, body: bytes, content_type: str, options: str = "", variant: str | None = None) -> Answer:
        """A container's own error comes as ModelError, with status and body; an endpoint or a variant that is not there as
        ValidationError. Source: SageMaker Runtime, InvokeEndpoint.
        """
        asked = ({"CustomAttributes": options} if options else {}) | ({"TargetVariant": variant} if variant else {})
        with translated():
            try:
                found = client("sagemaker-runtime").invoke_endpoint(
                    EndpointName=service_id, Body=body, ContentType=content_type, Accept="application/json", **asked
                )
            except ClientError as error:
                told: dict[str, Any] = {**error.response}
                if code_of(error) == "ModelError" and "OriginalStatusCode" in told:
                    return Answer(int(told["OriginalStatusCode"]), str(told.get("OriginalMessage", "")).encode(), "application/json")
                if is_not_found(error) or code_of(error) in ("ValidationError", "ValidationException", "ModelNotReadyException"):
                    raise CapacityUnavailable(
                        "service.not_running", "The service does not run.", hint="Wait until it is RUNNING, or deploy the model again."
                    ) from error
                raise
        return Answer(200, found["Body"].read(), found.get("ContentType", "application/json"), found.get("CustomAttributes", ""))
