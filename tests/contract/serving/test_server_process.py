"""SageMaker's contract and V-1 to V-6, asked of a real server process over HTTP."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image

from droplearn.contracts.prediction import PredictionError, PredictionSuccess
from droplearn.scenarios.image_classification.pixels import prepare
from tests.contract.serving.running_server import ROOT, RunningServer, json_body, read_answer
from tests.contract.twin_fixtures import wait_for
from tests.unit.serving.pictures import bomb, encode, scene
from tests.unit.serving.tiny_model import LABELS, SIZE, network, write_model, write_versions

COLOURS = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}


def coloured(label: str, file_format: str = "PNG", size: tuple[int, int] = (60, 40)) -> bytes:
    return encode(Image.new("RGB", size, COLOURS[label]), file_format)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(write_model(tmp_path_factory.mktemp("model"))) as running:
        yield running.wait_until_ready()


def refused(answer: object, code: str, status: int) -> None:
    assert answer.status == status, answer  # type: ignore[attr-defined]
    assert PredictionError.model_validate_json(answer.body).errorCode == code  # type: ignore[attr-defined]


# ---- answers
def test_the_json_form_is_answered_as_documented(server: RunningServer) -> None:
    answer = server.predict(coloured("green"))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    result = PredictionSuccess.model_validate_json(answer.body).result
    assert result.output[0].body[0].label == "green"
    assert (result.meta.height, result.meta.width) == (40, 60)
    assert set(answer.json["result"]["output"][0]["body"][0]) == {"label", "conf"}


def test_several_inputs_give_as_many_outputs_in_order(server: RunningServer) -> None:
    wanted = ["blue", "red", "green", "red"]
    answer = server.predict(*(coloured(label) for label in wanted))
    assert [output["body"][0]["label"] for output in answer.json["result"]["output"]] == wanted


@pytest.mark.parametrize(
    ("file_format", "content_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("BMP", "image/bmp"),
        ("WEBP", "image/webp"),
        ("JPEG", "application/x-image"),
        ("PNG", "application/octet-stream"),
    ],
)
def test_raw_pictures_are_answered_too(server: RunningServer, file_format: str, content_type: str) -> None:
    answer = server.predict_raw(coloured("blue", file_format), content_type)
    assert answer.json["result"]["output"][0]["body"][0]["label"] == "blue"


def test_curls_default_content_type_is_taken_for_json(server: RunningServer) -> None:
    answer = server.ask("POST", "/invocations", json_body(coloured("red")), content_type="application/x-www-form-urlencoded")
    assert answer.json["result"]["output"][0]["body"][0]["label"] == "red"


def test_top_limits_the_labels(server: RunningServer) -> None:
    assert len(server.predict(coloured("red"), query="?top=1").json["result"]["output"][0]["body"]) == 1
    assert len(server.predict(coloured("red")).json["result"]["output"][0]["body"]) == len(LABELS)
    refused(server.predict(coloured("red"), query="?top=none"), "1001", 400)


def test_the_reason_of_a_refusal_is_in_the_body_for_those_who_ask(server: RunningServer) -> None:
    silent = server.ask("POST", "/invocations", b"{}", content_type="application/json")
    told = server.ask("POST", "/invocations?details=true", b"{}", content_type="application/json")
    assert silent.body == b'{"success":false,"errorCode":"1001","errorMsg":"INPUT_FORMAT_ERROR"}'
    assert json.loads(told.body) == json.loads(silent.body) | {"detail": "dataArray must be a list with at least one entry."}


def test_the_server_sees_exactly_the_pixels_that_the_trainer_sees(server: RunningServer) -> None:
    session = ort.InferenceSession(network(), providers=["CPUExecutionProvider"])
    exif = Image.Exif()
    exif[0x0112] = 6
    for raw in (encode(scene(640, 480), "JPEG", exif=exif), encode(scene(50, 90), "PNG"), encode(scene(1800, 1200), "JPEG")):
        expected = session.run(None, {"image": prepare(raw, SIZE).pixels[None]})[0][0]
        body = server.predict(raw).json["result"]["output"][0]["body"]
        assert {e["label"]: e["conf"] for e in body} == {label: round(float(p), 6) for label, p in zip(LABELS, expected, strict=True)}


def test_sixteen_callers_at_once_all_get_their_own_answer(server: RunningServer) -> None:
    wanted = [LABELS[k % 3] for k in range(160)]
    with ThreadPoolExecutor(16) as callers:
        answers = list(callers.map(lambda label: server.predict(coloured(label, "JPEG", (300, 200))), wanted))
    assert [a.status for a in answers] == [200] * 160
    assert [a.json["result"]["output"][0]["body"][0]["label"] for a in answers] == wanted


# ---- refusals
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"{}",
        b'{"dataArray": []}',
        b'{"dataArray": [{"body": "???"}]}',
        b'{"dataArray": [{"type": "url", "body": "QQ=="}]}',
    ],
)
def test_malformed_requests_are_1001(server: RunningServer, body: bytes) -> None:
    refused(server.ask("POST", "/invocations", body, content_type="application/json"), "1001", 400)


@pytest.mark.parametrize("raw", [b"QQ", encode(scene(), "GIF"), encode(scene(), "JPEG")[:900], bomb(), encode(scene(4, 4), "PNG")])
def test_what_is_no_usable_picture_is_1002(server: RunningServer, raw: bytes) -> None:
    refused(server.predict(raw), "1002", 400)
    refused(server.predict_raw(raw, "image/png"), "1002", 400)


def test_one_bad_picture_of_several_refuses_the_request(server: RunningServer) -> None:
    refused(server.predict(coloured("red"), b"bad"), "1002", 400)


def test_a_failing_network_is_2003_and_the_next_request_is_served(server: RunningServer) -> None:
    refused(server.predict(encode(Image.new("RGB", (40, 40), "white"), "PNG")), "2003", 500)
    assert server.predict(coloured("red")).status == 200


def test_an_oversized_declared_body_is_refused_unread(server: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as wire:
        wire.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n")
        refused(read_answer(wire), "1001", 413)


def refusals(server: RunningServer) -> int:
    lines = server.ask("GET", "/metrics").body.decode().splitlines()
    return next((int(line.split()[1]) for line in lines if 'code="1001"' in line), 0)


def test_an_oversized_chunked_body_is_refused_while_it_comes(server: RunningServer) -> None:
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    before = refusals(server)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as wire, suppress(ConnectionError):
        wire.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(8):  # never ended: only the limit can make the server answer, or hang up on a caller who goes on sending
            wire.sendall(chunk)
        assert read_answer(wire).status == 413
    assert refusals(server) == before + 1


def test_the_decompression_bomb_costs_no_memory(server: RunningServer) -> None:
    refused(server.predict_raw(bomb(20_000), "image/png"), "1002", 400)
    peak_kib = next(
        int(line.split()[1]) for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    assert peak_kib < 400_000


def test_metrics_and_execution_parameters_are_told(server: RunningServer) -> None:
    server.predict(coloured("red"))
    assert 'droplearn_requests_total{code="ok"}' in server.ask("GET", "/metrics").body.decode()
    assert server.ask("GET", "/execution-parameters").json["BatchStrategy"] == "SINGLE_RECORD"


# ---- life of the process
def test_overload_is_2002_with_retry_after(tmp_path: Path) -> None:
    long_request = json_body(*[encode(Image.fromarray(np.zeros((3000, 3000, 3), np.uint8)), "PNG")] * 20)
    with (
        RunningServer(write_model(tmp_path), {"SERVER_WORKERS": "1", "SERVER_MAX_PENDING": "1"}) as server,
        ThreadPoolExecutor(1) as caller,
    ):
        server.wait_until_ready()
        busy = caller.submit(server.ask, "POST", "/invocations", long_request, content_type="application/json")
        while b"pending 1" not in server.ask("GET", "/metrics").body and not busy.done():
            pass
        answer = server.predict(coloured("red"))
        refused(answer, "2002", 503)
        assert int(answer.headers["retry-after"]) >= 1
        assert busy.result().status == 200
        assert server.predict(coloured("red")).status == 200


def test_sigterm_finishes_what_is_in_flight_refuses_the_rest_and_exits_0(tmp_path: Path) -> None:
    body = json_body(coloured("green"))
    with RunningServer(write_model(tmp_path)) as server:
        server.wait_until_ready()
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as wire:
            wire.sendall(
                b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
            )
            wire.sendall(body[:50])
            server.ask("GET", "/ping")  # by its answer the request above has been admitted
            server.process.send_signal(signal.SIGTERM)
            while server.ask("GET", "/ping").status == 200:
                pass
            refused(server.predict(coloured("red")), "2002", 503)
            wire.sendall(body[50:])
            answer = read_answer(wire)
        assert answer.status == 200
        assert answer.json["result"]["output"][0]["body"][0]["label"] == "green"
        assert server.process.wait(60) == 0
        assert server.log()[-1] | {"time": ""} == {"time": "", "level": "info", "event": "stopped", "cut_off": 0, "exit_status": 0}


def never_loads(folder: Path) -> None:
    """Its manifest is a pipe that nobody writes into: whoever reads it waits."""
    (folder / "model.json").unlink()
    os.mkfifo(folder / "model.json")


@pytest.mark.parametrize("is_shared", [False, True], ids=["one model", "several, the first loaded"])
def test_sigterm_while_a_model_loads_ends_it_at_once_and_leaves_nothing(tmp_path: Path, is_shared: bool) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    folder = write_versions(tmp_path / "model", v1=1.0, v2=0.5) if is_shared else write_model(tmp_path / "model")
    if is_shared:
        with tarfile.open(tmp_path / "archive", "w:gz") as archive:
            archive.add(folder / "of-v1", ".")
        (tmp_path / "archive").rename(folder / "of-v1" / "model.tar.gz")
    never_loads(folder / "of-v2" if is_shared else folder)
    with RunningServer(folder, {"TMPDIR": str(temporary)}) as server:
        server.wait_until_it_answers()
        if is_shared:
            wait_for(lambda: server.process.poll() is not None or list(temporary.glob("*/of-v1/model.json")))
        assert server.ask("GET", "/ping").status == 503
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        assert server.log()[-1] | {"time": ""} == {"time": "", "level": "info", "event": "stopped", "cut_off": 0, "exit_status": 0}
    assert list(temporary.glob("droplearn-*")) == []


def test_sigterm_before_it_listens_ends_it_well_whatever_is_being_imported() -> None:
    program = """if True:
        import signal, server.__main__

        class Told:
            def __set_name__(self, owner, name):
                signal.raise_signal(signal.SIGTERM)

        def read_settings(environ):
            class Imported:
                field = Told()

        server.__main__.read_settings = read_settings
        server.__main__.main(["serve"])
    """
    environ = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'serving_container'}"}
    ended = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_request_that_outlives_the_grace_time_is_cut_off(tmp_path: Path) -> None:
    with RunningServer(write_model(tmp_path), {"SERVER_GRACE_S": "1"}) as server:
        server.wait_until_ready()
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as wire:
            wire.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            server.ask("GET", "/ping")
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(60) == 1
            assert server.log()[-1]["cut_off"] == 1


def test_the_second_sigterm_cuts_off_at_once_what_is_worked_on_and_says_so(tmp_path: Path) -> None:
    long_request = json_body(*[encode(Image.fromarray(np.zeros((3000, 3000, 3), np.uint8)), "PNG")] * 64)
    with RunningServer(write_model(tmp_path), {"SERVER_WORKERS": "1"}) as server:
        server.wait_until_ready()
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as wire:
            wire.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(long_request) + long_request)
            while b"pending 1" not in server.ask("GET", "/metrics").body:
                pass
            server.process.send_signal(signal.SIGTERM)
            while server.ask("GET", "/ping").status == 200:
                pass
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(60) == 1
        assert server.log()[-1] | {"time": ""} == {"time": "", "level": "info", "event": "stopped", "cut_off": 1, "exit_status": 1}


def test_a_corrupted_model_refuses_to_start_and_says_why(tmp_path: Path) -> None:
    write_model(tmp_path)
    (tmp_path / "model.onnx").write_bytes(network() + b"\x00")
    with RunningServer(tmp_path) as server:
        assert server.process.wait(60) == 1
        refusal = next(line for line in server.log() if line["event"] == "model_refused")
    assert refusal["code"] == "model.corrupt_file"
    assert "sha256" in refusal["message"]
    assert refusal["hint"]


def test_an_empty_model_folder_refuses_to_start(tmp_path: Path) -> None:
    with RunningServer(tmp_path) as server:
        assert server.process.wait(60) == 1
        assert any(line.get("code") == "model.missing" for line in server.log())


def test_a_network_that_is_not_onnx_refuses_to_start(tmp_path: Path) -> None:
    from tests.unit.serving.tiny_model import manifest_of

    (tmp_path / "model.onnx").write_bytes(b"not a network")
    (tmp_path / "model.json").write_text(manifest_of(b"not a network").to_json())
    with RunningServer(tmp_path) as server:
        assert server.process.wait(60) == 1
        assert any(line.get("code") == "model.unusable" for line in server.log())


def test_a_bad_setting_refuses_to_start(tmp_path: Path) -> None:
    with RunningServer(tmp_path, {"SERVER_WORKERS": "many"}) as server:
        assert server.process.wait(60) == 1
        assert "SERVER_WORKERS" in json.dumps(server.log())
