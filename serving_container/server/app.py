"""The HTTP side: SageMaker's routes, admission, and the one place where errors become answers.

Source: SageMaker, "Use your own inference code with hosting services" and "... with batch transform".
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from urllib.parse import parse_qsl

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from droplearn.contracts.prediction import ErrorCode
from droplearn.contracts.versions import VERSION_OPTION
from server.admission import Admission, Phase
from server.body import read_body
from server.codec import IMAGES, failure
from server.errors import RequestError, translate
from server.json_log import log
from server.metrics import Metrics
from server.settings import MIB, Settings
from server.versions import Version, Versions
from server.workers import Workers

_JSON = "application/json"
_CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
RETRY_AFTER_S = 1
_TO_BE_SENT_AGAIN = (408, 503)
"""What Batch Transform should try again; all else would be the same again."""


class Serving:
    """State of one server process. `versions` is None until they are loaded."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.versions: Versions | None = None
        self.admission, self.metrics = Admission(settings.max_pending), Metrics()
        self.workers = Workers(settings.threads, settings.most_at_once)

    async def ping(self, _: Request) -> Response:
        """200 when a request would be answered."""
        phase = self.admission.phase
        is_ready = phase is Phase.READY and self.versions is not None and self.versions.is_alive
        told: dict[str, object] = {"status": phase.value if is_ready or phase is not Phase.READY else "failed"}
        if self.versions is not None and "" not in (states := self.versions.states()):
            told["versions"] = states
        return Response(orjson.dumps(told), 200 if is_ready else 503, media_type=_JSON)

    async def invocations(self, request: Request) -> Response:
        """One prediction request."""
        started, version = time.perf_counter(), None
        try:
            if self.versions is not None:
                version = self.versions.choose(options_of(request).get(VERSION_OPTION))
            body, content_type = await self._receive(request, version)
            with self.admission.work():
                answer = Response(await self._predict(request, version, body, content_type), media_type=_JSON)
            code = "ok"
        except Exception as error:  # noqa: BLE001 (the edge: every error becomes V-5 and a line in the log)
            answer, code = self._refusal(request, error)
        name = version.name if version else ""
        if name:
            answer.headers[_CUSTOM_ATTRIBUTES] = f"{VERSION_OPTION}={name}"
        self.metrics.observe(code, time.perf_counter() - started, name)
        return answer

    async def _receive(self, request: Request, version: Version | None) -> tuple[bytes, str]:
        content_type = request.headers.get("content-type", "")
        media = version.prediction.media if version else IMAGES
        max_bytes = self.settings.max_raw_bytes if media.is_raw(content_type) else self.settings.max_json_bytes
        with self.admission.receive():
            return await read_body(request, max_bytes, self.settings.body_timeout_s), content_type

    async def _predict(self, request: Request, version: Version | None, body: bytes, content_type: str) -> bytes:
        if version is None:
            raise RuntimeError("A request was admitted before the model was loaded.")
        deadline, options = time.monotonic() + self.settings.request_timeout_s, options_of(request) or self.settings.options
        return await self.workers.finish(version.prediction.steps(body, content_type, options, deadline))

    def _refusal(self, request: Request, error: Exception) -> tuple[Response, str]:
        told, request_id = translate(error), uuid.uuid4().hex
        unforeseen = {"exception": repr(error)} if told.code is ErrorCode.UNKNOWN_ERROR else {}
        level = "error" if told.http_status >= 500 else "warning"
        log("request_refused", level, code=told.code.code, detail=told.detail, request_id=request_id, path=request.url.path, **unforeseen)
        if self.settings.is_batch and request.url.path == "/invocations" and told.http_status not in _TO_BE_SENT_AGAIN:
            return Response(failure(told.code, told.detail), 200, {"x-request-id": request_id}, _JSON), told.code.code
        headers = {"x-request-id": request_id, "x-error-detail": told.detail.encode("ascii", "replace").decode().replace("\n", " ")[:300]}
        if told.http_status == 503:
            headers["retry-after"] = str(RETRY_AFTER_S)
        if told.http_status in {408, 413}:
            headers["connection"] = "close"  # the rest of the body will not be read
        detail = told.detail if options_of(request).get("details") == "true" else None
        return Response(failure(told.code, detail), told.http_status, headers, _JSON), told.code.code

    async def execution_parameters(self, _: Request) -> Response:
        """What Batch Transform should send: one object a request, as many at once as there are threads."""
        limit_mb = self.settings.max_raw_bytes // MIB
        told = {"MaxConcurrentTransforms": self.settings.workers, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": limit_mb}
        return Response(orjson.dumps(told), media_type=_JSON)

    async def show_metrics(self, _: Request) -> Response:
        """For Prometheus."""
        return Response(self.metrics.exposition(self.admission.working), media_type="text/plain; version=0.0.4")

    async def no_such_route(self, request: Request, error: Exception) -> Response:
        """404 and 405 in the same form."""
        return self._refusal(request, RequestError(ErrorCode.INPUT_FORMAT_ERROR, str(error), getattr(error, "status_code", 404)))[0]


def options_of(request: Request) -> Mapping[str, str]:
    """`?top=3`; through InvokeEndpoint, which has no query, CustomAttributes `top=3`."""
    query, attributes = request.scope["query_string"], request.headers.get(_CUSTOM_ATTRIBUTES)
    if not query and not attributes:
        return {}
    return dict(parse_qsl(attributes or "")) | dict(parse_qsl(query.decode("latin-1")))


def make_app(serving: Serving) -> ASGIApp:
    """Routes only: no middleware, no documentation pages. Predictions go past the router, which would cost as much as the rest of HTTP."""
    routes = [
        Route("/invocations", serving.invocations, methods=["POST"]),
        Route("/ping", serving.ping, methods=["GET"]),
        Route("/execution-parameters", serving.execution_parameters, methods=["GET"]),
        Route("/metrics", serving.show_metrics, methods=["GET"]),
    ]
    routed = Starlette(routes=routes, exception_handlers={404: serving.no_such_route, 405: serving.no_such_route})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/invocations" and scope["method"] == "POST":
            answer = await serving.invocations(Request(scope, receive))
            await answer(scope, receive, send)
        else:
            await routed(scope, receive, send)

    return app
