"""The API on fakes, and the adapters on AWS as moto has it, both in this process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from moto import mock_aws

from chalicelib import bootstrap
from chalicelib.adapters import aws
from chalicelib.service.tokens import issue_admin_token
from droplearn.client import Client
from droplearn.contracts.connection import Connection
from tests.contract.control_plane.http_front import CONTEXT, event_of, parsed
from tests.contract.control_plane.recall_shop import asked, open_shop
from tests.fakes import FakePlatform
from tests.unit.control_plane.things import a_platform

Call = Callable[..., tuple[int, Any]]
Type = Callable[..., Any]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "eu-west-1"}


@pytest.fixture
def cloud() -> Iterator[None]:
    """AWS with nothing in it."""
    with patch.dict(os.environ, CREDENTIALS), mock_aws():
        aws.client.cache_clear()
        yield
        aws.client.cache_clear()


@pytest.fixture
def fake_platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlatform]:
    """What bootstrap.platform() gives: one project, one dataset of twice ten examples."""
    fake = a_platform()
    monkeypatch.setattr(bootstrap, "AwsPlatform", lambda _settings: fake)
    bootstrap.platform.cache_clear()
    yield fake
    bootstrap.platform.cache_clear()


@pytest.fixture
def call(fake_platform: FakePlatform) -> Call:
    """`call("POST", "/v1/...", {...}) -> (status, body)`, as an administrator unless `token` says otherwise."""
    from chalicelib.api.http import handle

    admin = issue_admin_token(fake_platform)

    def send(method: str, path: str, body: Any = None, *, query: str = "", token: str | None = None, **headers: str) -> tuple[int, Any]:
        given = {"authorization": f"Bearer {admin if token is None else token}", "content-type": "application/json"} | headers
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return parsed(handle(event_of(method, path, query, given, raw), CONTEXT))  # type: ignore[arg-type]

    return send


@pytest.fixture
def shop(fake_platform: FakePlatform) -> FakePlatform:
    """With a recommendation project and its model."""
    open_shop(fake_platform)
    return fake_platform


@pytest.fixture
def ask(shop: FakePlatform) -> Callable[[str, Any], tuple[int, Any]]:
    """`ask(service_id, {"user_id": ...}) -> (status, body)`."""
    token = issue_admin_token(shop)
    return lambda service_id, body: parsed(asked(token, service_id, body))


@pytest.fixture
def typed(fake_platform: FakePlatform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Type:
    """`typed("service", "cut", ID)` -> the document; `status`: the exit status that is expected; `as_text`: what a person sees."""

    from chalicelib.api.http import handle
    from droplearn.cli.main import main

    def request(_client: Client, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Any:
        asked = urlsplit(url)
        reply = handle(event_of(method, asked.path, asked.query, headers, body or b""), CONTEXT)  # type: ignore[arg-type]
        return SimpleNamespace(status=reply["statusCode"], data=(reply.get("body") or "").encode())

    monkeypatch.setattr(Client, "_request", request)
    connection = tmp_path / "connection.json"
    names = {"api_url": "https://api.example.com", "region": "eu-west-1", "data_bucket": "data", "artifact_bucket": "artifacts"}
    connection.write_text(Connection(**names, admin_token=issue_admin_token(fake_platform)).to_json())

    def run(*words: str, status: int = 0, as_text: bool = False) -> Any:
        given = [*words, "--connection", str(connection), *([] if as_text else ["--json"])]
        assert main(given) == status
        told = capsys.readouterr()
        return told.out if as_text else json.loads(told.out)

    return run
