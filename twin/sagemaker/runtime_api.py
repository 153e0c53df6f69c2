"""The SageMaker runtime API of the twin: a request goes to the model server, and is counted."""

import time
from typing import Any

from moto.sagemaker.models import sagemaker_backends
from moto.sagemakerruntime.responses import SageMakerRuntimeResponse

from twin.sagemaker.endpoints import Endpoints
from twin.sagemaker.metrics import InvocationMetrics
from twin.sagemaker.servers import error_body, original_message

Reply = tuple[int, dict[str, Any], Any]
_CONTENT_TYPE = "droplearn.content_type"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def keep_forms_whole(application: Any) -> Any:
    """WSGI: moto would read the fields of a form where the model is to get the body as it is."""

    def call(environ: dict[str, Any], start_response: Any) -> Any:
        told = environ.get("CONTENT_TYPE", "")
        if environ["PATH_INFO"].endswith("/invocations") and told.lower().startswith(_FORMS):
            environ |= {"CONTENT_TYPE": "application/octet-stream", _CONTENT_TYPE: told}
        return application(environ, start_response)

    return call


class Runtime:
    """Asks the endpoints that run."""

    def __init__(self, endpoints: Endpoints):
        self._endpoints, self._metrics = endpoints, InvocationMetrics()

    def install(self) -> None:
        """Replace moto's operation, which answers a constant."""
        SageMakerRuntimeResponse.use_raw_body = True  # moto decodes the body as text: images crash
        SageMakerRuntimeResponse.invoke_endpoint = lambda request: self.invoke_endpoint(request)

    def invoke_endpoint(self, request: Any) -> Reply:
        """InvokeEndpoint."""
        name = request.path.split("/")[2]
        backend = sagemaker_backends[request.current_account][request.region]
        endpoint = backend.endpoints.get(name)
        if endpoint is None or endpoint.endpoint_status not in ("InService", "Updating"):
            return _runtime_error(400, "ValidationError", f"Endpoint {name} of account {backend.account_id} not found.")
        headers = {key.lower(): value for key, value in dict(request.headers).items()}
        if told := request.normalized_request.environ.get(_CONTENT_TYPE):
            headers["content-type"] = told
        wanted = headers.get("x-amzn-sagemaker-target-variant")
        body = request.raw_body if isinstance(request.raw_body, bytes) else (request.raw_body or "").encode()
        with self._endpoints.serving(endpoint, wanted) as server:
            if server is None:
                message = f"Variant {wanted} not found for Endpoint {name} of account {backend.account_id}."
                return _runtime_error(400, "ValidationError", message)
            began = time.perf_counter()
            answer = server.invoke(body, headers)
        taken_s = time.perf_counter() - began
        self._metrics.record(backend.account_id, backend.region_name, name, server.name, answer.status, taken_s)
        if answer.status >= 400:
            logs = (
                f"https://{backend.region_name}.console.aws.amazon.com/cloudwatch/home#logEventViewer:group=/aws/sagemaker/Endpoints/{name}"
            )
            text = answer.body.decode(errors="replace")
            return _runtime_error(
                424,
                "ModelError",
                original_message(answer, server.name, logs),
                OriginalStatusCode=answer.status,
                OriginalMessage=text,
                LogStreamArn=logs,
            )
        return 200, _answer_headers(answer.headers, server.name), answer.body


def _answer_headers(headers: Any, variant: str) -> dict[str, str]:
    found = {"Content-Type": headers.get("Content-Type", "application/octet-stream")}
    found["x-Amzn-Invoked-Production-Variant"] = variant
    if custom := headers.get("X-Amzn-SageMaker-Custom-Attributes"):
        found["X-Amzn-SageMaker-Custom-Attributes"] = custom
    return found


def _runtime_error(status: int, kind: str, message: str, **fields: Any) -> Reply:
    headers = {"status": status, "x-amzn-errortype": kind, "Content-Type": "application/json"}
    return status, headers, error_body(message, **fields)
