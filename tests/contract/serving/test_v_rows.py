"""V-1 to V-6 by curl against a real server process, byte for byte; and the client of docs/how-to/call-a-service.md as it stands there."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

from tests.contract.serving.running_server import ROOT, RunningServer
from tests.contract.serving.test_server_process import coloured
from tests.unit.serving.pictures import encode
from tests.unit.serving.tiny_model import write_model

HOW_TO = ROOT / "docs" / "how-to" / "call-a-service.md"
DEFECT = '''
"""A defect in the server, for one kind of request: what nobody foresaw must become 2001."""
import server.prediction

_steps = server.prediction.Prediction.steps


def steps(self, body, *given):
    if b"unforeseen" in body:
        raise KeyError("inner secret")
    return _steps(self, body, *given)


server.prediction.Prediction.steps = steps
'''


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """With a defect: `sitecustomize` is imported by every Python that starts."""
    folder = tmp_path_factory.mktemp("defect")
    (folder / "sitecustomize.py").write_text(DEFECT)
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "serving_container"), str(folder)])
    with RunningServer(write_model(tmp_path_factory.mktemp("model")), {"PYTHONPATH": path}) as running:
        yield running.wait_until_ready()


def curl(server: RunningServer, tmp_path: Path, body: bytes, content_type: str = "application/json") -> tuple[int, bytes]:
    (tmp_path / "request").write_bytes(body)
    command = ["curl", "-sS", "-X", "POST", f"http://127.0.0.1:{server.port}/invocations", "-H", "Authorization: token"]
    command += ["-H", f"Content-Type: {content_type}", "--data-binary", f"@{tmp_path / 'request'}", "-w", "%{http_code}"]
    told = subprocess.run(command, capture_output=True, check=True, timeout=120).stdout
    return int(told[-3:]), told[:-3]


def form(raw: bytes) -> bytes:
    return b'{"dataArray":[{"name":"image","type":"stream","body":"' + base64.b64encode(raw) + b'"}]}'


def error(code: str, name: str) -> bytes:
    return f'{{"success":false,"errorCode":"{code}","errorMsg":"{name}"}}'.encode()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP"])
def test_a_picture_is_answered_in_the_documented_bytes(server: RunningServer, tmp_path: Path, kind: str):
    status, told = curl(server, tmp_path, form(coloured("green", kind)))
    assert status == 200
    wanted = rb'\{"success":true,"result":\{"output":\[\{"type":"cv_common","body":\[(\{"label":"\w+","conf":[0-9.e-]+\},?){3}\]\}\],'
    assert re.fullmatch(wanted + rb'"meta":\{"height":40,"width":60\}\}\}', told), told
    assert json.loads(told)["result"]["output"][0]["body"][0]["label"] == "green"


@pytest.mark.parametrize(
    ("body", "status", "wanted"),
    [
        (b'{"name":"image"}', 400, error("1001", "INPUT_FORMAT_ERROR")),
        (b'{"dataArray":[{"body":"not base64!"}]}', 400, error("1001", "INPUT_FORMAT_ERROR")),
        (form(b"\xff\xd8\xff and no picture"), 400, error("1002", "IMAGE_DECODE_ERROR")),
        (b'{"unforeseen":1}', 500, error("2001", "UNKNOWN_ERROR")),
        (b"", 400, error("1001", "INPUT_FORMAT_ERROR")),
    ],
    ids=["no dataArray", "no base64", "no picture", "a defect of the server", "an empty body"],
)
def test_each_error_is_told_in_the_documented_bytes(server: RunningServer, tmp_path: Path, body: bytes, status: int, wanted: bytes):
    assert curl(server, tmp_path, body) == (status, wanted)


def test_a_network_that_fails_is_2003(server: RunningServer, tmp_path: Path):
    white = encode(Image.new("RGB", (60, 40), "white"), "PNG")
    assert curl(server, tmp_path, form(white)) == (500, error("2003", "MODEL_FORWARD_ERROR"))


def test_a_server_without_room_is_2002(tmp_path: Path):
    """Four callers who send slowly take all the places of a server that has one for each of four: the next one is refused."""
    with RunningServer(write_model(tmp_path / "model"), {"SERVER_MAX_PENDING": "1"}) as server, ExitStack() as stack:
        server.wait_until_ready()
        for _ in range(4):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            slow.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        until = time.monotonic() + 60
        while (told := curl(server, tmp_path, b"{}"))[0] != 503 and time.monotonic() < until:
            assert told == (400, error("1001", "INPUT_FORMAT_ERROR")), "the slow callers have not all arrived yet"
        assert told == (503, error("2002", "GET_INSTANCE_ERROR"))


# ---- the client
def client(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL)[0]
    assert len(code.splitlines()) <= 32
    (tmp_path / "client.py").write_text(code)
    command = [sys.executable, "-I", str(tmp_path / "client.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_the_client_of_the_how_to_works_with_the_standard_library_alone(server: RunningServer, tmp_path: Path):
    files = []
    for label in ("red", "blue"):
        (tmp_path / f"{label}.png").write_bytes(coloured(label))
        files.append(str(tmp_path / f"{label}.png"))
    done = client(tmp_path, f"http://127.0.0.1:{server.port}/invocations", "token", *files)
    assert [line.split()[1] for line in done.stdout.splitlines()] == ["red", "blue"], done.stderr


def test_the_client_says_why_it_was_refused(server: RunningServer, tmp_path: Path):
    (tmp_path / "note.txt").write_text("no picture")
    done = client(tmp_path, f"http://127.0.0.1:{server.port}/invocations", "token", str(tmp_path / "note.txt"))
    assert done.returncode == 1
    status, _, told = done.stderr.partition(": ")
    assert (status, json.loads(told)["errorCode"]) == ("400", "1002")
    assert "JPEG" in json.loads(told)["detail"], "through the API no header tells it"
