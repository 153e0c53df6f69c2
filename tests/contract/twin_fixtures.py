"""A bare twin for contract tests (AWS only, nothing provisioned), and clients with its root keys."""

from __future__ import annotations

import io
import json
import sys
import time
import zipfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from twin.running import RunningTwin, start_twin

ACCOUNT, REGION = "123456789012", "eu-west-1"
PROGRAMS = Path(__file__).with_name("twin_programs")
Found = TypeVar("Found")


class Aws:
    """Clients of a running twin."""

    def __init__(self, twin: RunningTwin):
        self.twin = twin
        self._clients: dict[str, Any] = {}

    @cached_property
    def session(self) -> boto3.Session:
        connection = self.twin.connection
        return boto3.Session(connection.access_key_id, connection.secret_access_key, region_name=REGION)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = client_of(self.session, service, self.twin.connection.aws_endpoint_url)
        return self._clients[service]

    def role(self, name: str, *statements: dict[str, Any]) -> str:
        """A role that may do these things; everything when nothing is given."""
        allowed = list(statements) or [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "*"}, "Action": "sts:AssumeRole"}]}
        iam = self.client("iam")
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document)
        return arn

    def function(self, name: str, role: str, handler: str | None = None, **options: Any) -> str:
        """A function whose handler is the one of that name in twin_programs/handlers.py."""
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("handlers.py", (PROGRAMS / "handlers.py").read_text())
        made = self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=role,
            Handler=f"handlers.{handler or name}",
            Code={"ZipFile": code.getvalue()},
            **{"Timeout": 10, **options},
        )
        return str(made["FunctionArn"])


def client_of(session: boto3.Session, service: str, endpoint_url: str) -> Any:
    config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, read_timeout=120, max_pool_connections=50)
    return session.client(service, endpoint_url=endpoint_url, config=config)


def wait_for(look: Callable[[], Found], is_right: Callable[[Found], object] = bool, timeout_s: float = 120) -> Found:
    """What `look` gives once it is right."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = look()
        if is_right(found):
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {timeout_s} s: {found!r}")
        time.sleep(0.02)


def write_images(folder: Path) -> Path:
    """The image `tests`: a tiny trainer, processor and server."""
    commands = {word: [sys.executable, str(PROGRAMS / f"{word}.py")] for word in ("train", "process", "serve")}
    file = folder / "images.json"
    file.write_text(json.dumps({"tests": {"commands": commands, "environment": {"IMAGE": "tests"}, "folder": str(PROGRAMS)}}))
    return file


def start_bare_twin(folder: Path, port: int | None = None) -> Aws:
    environment = {"TWIN_STOP_GRACE_SECONDS": "3"}
    state = folder / "state"
    return Aws(start_twin(state, port=port, is_bare=True, images=write_images(folder), environment=environment))
