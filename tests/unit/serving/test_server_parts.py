"""Settings, admission, metrics, body limits and the app, each without a socket."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.prediction import ErrorCode
from droplearn.scenarios.answering import UndecodableInput
from server.admission import Admission, Phase
from server.app import Serving, make_app, options_of
from server.body import read_body
from server.codec import IMAGES
from server.errors import InvalidModel, RequestError, translate
from server.metrics import Metrics
from server.model_folder import network_path, read_manifest, verify_files
from server.settings import Settings, read_settings
from server.versions import Version, Versions
from server.workers import Steps
from tests.unit.serving.tiny_model import manifest_of, network, write_model


# ---- settings
def test_settings_follow_sagemakers_variables() -> None:
    told = read_settings({"SAGEMAKER_BIND_TO_PORT": "9000", "SAGEMAKER_BASE_DIR": "/base", "SERVER_WORKERS": "3"})
    assert (told.port, told.model_dir, told.workers, told.max_pending) == (9000, Path("/base/model"), 3, 96)
    assert read_settings({"SM_MODEL_DIR": "/m", "SAGEMAKER_BASE_DIR": "/base"}).model_dir == Path("/m")
    assert read_settings({}).model_dir == Path("/opt/ml/model")


@pytest.mark.parametrize("text", ["many", "-1", "0", "1.5"])
def test_a_bad_setting_is_named(text: str) -> None:
    with pytest.raises(InvalidRequest, match="SERVER_WORKERS"):
        read_settings({"SERVER_WORKERS": text})


# ---- admission
def test_nobody_comes_in_before_the_model_is_loaded_or_while_draining() -> None:
    admission = Admission(2)
    for phase in (Phase.LOADING, Phase.DRAINING):
        admission.phase = phase
        with pytest.raises(RequestError, match=phase.value), admission.receive():
            pass


def test_beyond_the_bound_requests_are_refused_and_places_are_given_back() -> None:
    admission = Admission(1)
    admission.phase = Phase.READY
    with admission.work():
        with pytest.raises(RequestError) as caught, admission.work():
            pass
        assert caught.value.code is ErrorCode.GET_INSTANCE_ERROR
        assert caught.value.http_status == 503
        with pytest.raises(RequestError), admission.receive():
            pass
    with admission.receive():
        assert admission.in_flight == 1
    assert admission.in_flight == 0


def test_slow_senders_do_not_take_the_places_of_workers() -> None:
    admission = Admission(1)
    admission.phase = Phase.READY
    with admission.receive(), admission.receive(), admission.work():
        assert admission.in_flight == 3


# ---- metrics
def test_metrics_count_by_code_and_fill_a_cumulative_histogram() -> None:
    metrics = Metrics()
    for code, latency in (("ok", 0.004), ("ok", 0.03), ("1002", 99.0)):
        metrics.observe(code, latency)
    text = metrics.exposition(pending=2)
    assert 'droplearn_requests_total{code="ok"} 2' in text
    assert 'droplearn_request_seconds_bucket{le="0.005"} 1' in text
    assert 'droplearn_request_seconds_bucket{le="0.05"} 2' in text
    assert 'droplearn_request_seconds_bucket{le="+Inf"} 3' in text
    assert "droplearn_requests_pending 2" in text


def test_a_summary_covers_only_what_came_since_the_last_one() -> None:
    metrics = Metrics()
    metrics.observe("ok", 0.5)
    assert metrics.summary() == {"requests": 1, "by_code": {"ok": 1}, "mean_latency_ms": 500.0}
    assert metrics.summary() is None
    metrics.observe("1001", 0.1)
    assert metrics.summary() == {"requests": 1, "by_code": {"1001": 1}, "mean_latency_ms": 100.0}


# ---- errors
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidRequest("request.invalid", "top"), "1001"),
        (UndecodableInput("broken"), "1002"),
        (KeyError("secret"), "2001"),
        (MemoryError(), "2002"),
        (RequestError(ErrorCode.MODEL_FORWARD_ERROR, "nan"), "2003"),
    ],
)
def test_every_error_has_its_code(error: Exception, code: str) -> None:
    assert translate(error).code.code == code
    assert "secret" not in translate(error).detail


# ---- the model folder
def test_a_whole_folder_is_accepted(tmp_path: Path) -> None:
    manifest = read_manifest(write_model(tmp_path))
    verify_files(tmp_path, manifest)
    assert network_path(tmp_path, manifest).read_bytes() == network()


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    manifest = read_manifest(write_model(tmp_path))
    (tmp_path / "model.onnx").write_bytes(network() + b"\x00")
    with pytest.raises(InvalidModel, match="sha256"):
        verify_files(tmp_path, manifest)
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(InvalidModel, match="missing"):
        verify_files(tmp_path, manifest)


def test_a_manifest_cannot_name_files_outside_the_folder(tmp_path: Path) -> None:
    manifest = manifest_of(b"")
    outside = manifest.model_copy(update={"files": [manifest.files[0].model_copy(update={"name": "../../etc/passwd"})]})
    with pytest.raises(InvalidModel, match="outside"):
        verify_files(tmp_path, outside)


def test_a_missing_or_broken_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel) as caught:
        read_manifest(tmp_path)
    assert caught.value.code == "model.missing"
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(InvalidModel) as caught:
        read_manifest(tmp_path)
    assert caught.value.code == "model.unusable"


def test_exactly_one_file_must_be_the_network(tmp_path: Path) -> None:
    with pytest.raises(InvalidModel, match="0 network files"):
        network_path(tmp_path, manifest_of(b"").model_copy(update={"files": []}))


# ---- the body and the app, driven over ASGI
Sent = list[dict[str, Any]]


def ask(
    serving: Serving, path: str = "/invocations", body: bytes = b"{}", method: str = "POST", query: bytes = b"", **headers: str
) -> Sent:
    """One request straight into the ASGI app; the messages it sent."""
    sent: Sent = []
    wire = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": wire,
        "http_version": "1.1",
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(make_app(serving)(scope, receive, send))
    return sent


def ready(answer: object) -> Serving:
    serving = Serving(Settings(Path(), max_json_bytes=100, max_raw_bytes=1000))

    class Fake:
        media, is_alive = IMAGES, True

        def steps(self, *given: object) -> Steps[bytes]:
            yield
            if isinstance(answer, Exception):
                raise answer
            return json.dumps([repr(g) for g in given[:3]]).encode()

    serving.versions = Versions([Version("", 1.0, Fake())])  # type: ignore[arg-type]
    serving.admission.phase = Phase.READY
    return serving


def test_an_unforeseen_error_is_2001_and_tells_the_caller_only_a_request_id(capsys: pytest.CaptureFixture[str]) -> None:
    sent = ask(ready(KeyError("inner secret")))
    headers = dict(sent[0]["headers"])
    assert sent[0]["status"] == 500
    assert json.loads(sent[1]["body"]) == {"success": False, "errorCode": "2001", "errorMsg": "UNKNOWN_ERROR"}
    assert b"secret" not in str(sent).encode()
    line = json.loads(capsys.readouterr().out)
    assert (line["event"], line["code"], line["request_id"]) == ("request_refused", "2001", headers[b"x-request-id"].decode())
    assert "inner secret" in line["exception"]


def test_lack_of_memory_is_2002_and_asks_to_come_again() -> None:
    sent = ask(ready(MemoryError()))
    assert sent[0]["status"] == 503
    assert dict(sent[0]["headers"])[b"retry-after"] == b"1"


def test_a_declared_size_is_refused_before_the_body_is_read() -> None:
    sent = ask(ready(None), content_length="101")
    assert sent[0]["status"] == 413
    assert json.loads(sent[1]["body"])["errorCode"] == "1001"
    assert dict(sent[0]["headers"])[b"connection"] == b"close"


def test_a_streamed_body_is_refused_at_the_limit_of_its_form() -> None:
    assert ask(ready(None), body=b"x" * 101)[0]["status"] == 413
    assert ask(ready(None), body=b"x" * 101, content_type="image/png")[0]["status"] == 200
    assert ask(ready(None), body=b"x" * 1001, content_type="image/png")[0]["status"] == 413


def test_options_come_from_the_query_and_from_custom_attributes() -> None:
    assert b"'top': '3'" in ask(ready(None), query=b"top=3")[1]["body"]
    assert b"'top': '4'" in ask(ready(None), x_amzn_sagemaker_custom_attributes="top=4")[1]["body"]
    assert b"'top': '3'" in ask(ready(None), query=b"top=3", x_amzn_sagemaker_custom_attributes="top=4")[1]["body"]


def test_options_of_a_plain_request_are_none() -> None:
    assert options_of(Request({"type": "http", "headers": [], "query_string": b""})) == {}


@pytest.mark.parametrize(("path", "method", "status"), [("/nowhere", "GET", 404), ("/invocations", "GET", 405), ("/ping", "POST", 405)])
def test_unknown_routes_answer_in_the_same_form(path: str, method: str, status: int) -> None:
    sent = ask(ready(None), path, method=method)
    assert sent[0]["status"] == status
    assert json.loads(sent[1]["body"])["errorCode"] == "1001"


@pytest.mark.parametrize(("phase", "status"), [(Phase.LOADING, 503), (Phase.READY, 200), (Phase.DRAINING, 503)])
def test_ping_is_200_only_when_a_request_would_be_answered(phase: Phase, status: int) -> None:
    serving = ready(None)
    serving.admission.phase = phase
    assert ask(serving, "/ping", method="GET")[0]["status"] == status
    assert ask(serving)[0]["status"] == status


def test_batch_transform_is_told_to_send_single_objects() -> None:
    told = json.loads(ask(ready(None), "/execution-parameters", method="GET")[1]["body"])
    assert told["BatchStrategy"] == "SINGLE_RECORD"


def test_a_body_that_never_arrives_is_given_up() -> None:
    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def read() -> bytes:
        return await read_body(Request({"type": "http", "headers": [], "method": "POST"}, receive), 100, 0.0)

    with pytest.raises(RequestError, match="did not arrive") as caught:
        asyncio.run(read())
    assert caught.value.http_status == 408


def test_a_caller_that_hangs_up_is_no_error_of_ours() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with pytest.raises(RequestError, match="hung up"):
        asyncio.run(read_body(Request({"type": "http", "headers": [], "method": "POST"}, receive), 100, 1.0))
