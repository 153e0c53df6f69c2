"""The server as SageMaker starts it: a process of its own, on a free port, known by its HTTP and its exit status only."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from twin.free_ports import free_ports

ROOT = Path(__file__).parents[3]


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class RunningServer:
    model_dir: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.port = free_ports()
        environ = {
            **os.environ,
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'serving_container'}",
            "SM_MODEL_DIR": str(self.model_dir),
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
            "SERVER_HOST": "127.0.0.1",
            **self.environ,
        }
        command = [sys.executable, "-m", "server", "serve"]
        self.process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def wait_until_ready(self, timeout_s: float = 120.0) -> Self:
        return self._wait_for_ping((200,), timeout_s)

    def wait_until_it_answers(self, timeout_s: float = 120.0) -> Self:
        """Ready or not."""
        return self._wait_for_ping((200, 503), timeout_s)

    def _wait_for_ping(self, statuses: tuple[int, ...], timeout_s: float) -> Self:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.ask("GET", "/ping").status in statuses:
                    return self
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"not ready: {self.log()}")

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def predict(self, *pictures: bytes, query: str = "") -> Answer:
        return self.ask("POST", f"/invocations{query}", json_body(*pictures), content_type="application/json")

    def predict_raw(self, picture: bytes, content_type: str, query: str = "") -> Answer:
        return self.ask("POST", f"/invocations{query}", picture, content_type=content_type)

    def log(self, timeout_s: float = 120.0) -> list[dict[str, Any]]:
        """Of a server that has ended or is about to."""
        told, _ = self.process.communicate(timeout=timeout_s)
        return [json.loads(line) for line in told.splitlines()]


def read_answer(wire: socket.socket) -> Answer:
    """The whole answer, in however many segments it comes."""
    response = http.client.HTTPResponse(wire)
    response.begin()
    return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


def json_body(*pictures: bytes) -> bytes:
    entries = [{"name": "image", "type": "stream", "body": base64.b64encode(p).decode()} for p in pictures]
    return json.dumps({"dataArray": entries}).encode()
