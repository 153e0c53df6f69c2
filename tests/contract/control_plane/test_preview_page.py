"""The page behind a preview link, through API Gateway's events: without a token, with nothing but the link."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from droplearn.contracts.s3_layout import browser_runtime_key
from droplearn.contracts.status import Permission
from tests.contract.control_plane.http_front import CONTEXT, event_of
from tests.unit.control_plane.things import PROJECT, a_model, write_network

PAGE_FOLDER = Path(__file__).parents[3] / "functions/chalicelib/preview_page"


@pytest.fixture
def made(call: Any, fake_platform: Any) -> dict[str, Any]:
    write_network(fake_platform, a_model(fake_platform))
    status, link = call("POST", f"/v1/models/{a_model(fake_platform).id}/preview-links", {"valid_for_s": 600})
    assert status == 201
    return dict(link)


def get(url: str, method: str = "GET") -> dict[str, Any]:
    from chalicelib.api.http import handle

    return dict(handle(event_of(method, url.removeprefix("https://api.example.com")), CONTEXT))  # type: ignore[arg-type]


def test_a_link_has_an_url_its_time_and_two_qr_codes(made: dict[str, Any]):
    assert made["url"].startswith(f"https://api.example.com/v1/preview/{made['id']}_")
    assert made["valid_until"] == "2026-01-01T00:10:00.000Z"
    assert made["qr"].startswith("<svg")
    assert len(made["qr_text"].splitlines()) > 20


def test_links_are_listed_without_what_opens_them(made: dict[str, Any], call: Any):
    path = f"/v1/models/{made['model']}/preview-links"
    status, listed = call("GET", path)
    assert status == 200
    (shown,) = listed["preview_links"]
    assert set(shown) == {"id", "model", "created_at", "created_by", "valid_until"}
    assert shown["id"] == made["id"]
    assert made["url"].rpartition("_")[2] not in repr(listed)
    assert call("GET", "/v1/models/model-none/preview-links")[0] == 404
    assert call("DELETE", f"/v1/preview-links/{made['id']}")[0] == 204
    assert call("GET", path)[1]["preview_links"] == []


def test_the_page_opens_without_a_token_and_lets_nothing_in_from_elsewhere(made: dict[str, Any]):
    reply = get(made["url"])
    assert (reply["statusCode"], reply["headers"]["content-type"]) == (200, "text/html; charset=utf-8")
    assert f'<base href="/v1/preview/{made["url"].rpartition("/")[2]}/">' in reply["body"]
    policy = reply["headers"]["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'self' https://artifacts.example.com" in policy
    assert reply["headers"]["referrer-policy"] == "no-referrer", "the address is the permission"


def test_every_file_that_the_page_names_is_there(made: dict[str, Any]):
    shell = set(re.findall(r'"([a-z_]+\.js|page\.css)"', (PAGE_FOLDER / "offline.js").read_text()))
    assert {path.name for path in PAGE_FOLDER.iterdir()} == shell | {"page.html"}
    for name in shell:
        assert get(f"{made['url']}/{name}")["statusCode"] == 200, name
    assert "service-worker-allowed" in get(f"{made['url']}/service_worker.js")["headers"]


def test_the_page_is_told_of_the_model(made: dict[str, Any]):
    told = json.loads(get(f"{made['url']}/preview.json")["body"])
    assert (told["name"], told["labels"]) == (f"{PROJECT} #1", ["cat", "dog"])


@pytest.mark.parametrize("name", ["network.onnx", "onnxruntime.wasm"])
def test_what_is_too_large_for_a_lambda_is_fetched_from_the_bucket(made: dict[str, Any], name: str):
    reply = get(f"{made['url']}/{name}")
    assert reply["statusCode"] == 302
    assert reply["headers"]["location"].startswith("https://artifacts.example.com/")


def test_a_stack_without_the_runtime_says_what_to_do(made: dict[str, Any], fake_platform: Any):
    reply = get(f"{made['url']}/onnxruntime.js")
    assert (reply["statusCode"], json.loads(reply["body"])["error"]["code"]) == (503, "preview.no_runtime")
    fake_platform.artifacts.write(browser_runtime_key("onnxruntime.js"), gzip.compress(b"export {}"))
    assert get(f"{made['url']}/onnxruntime.js")["body"] == "export {}"


def test_an_expired_link_shows_a_person_what_is_wrong(made: dict[str, Any], fake_platform: Any):
    fake_platform.pass_time(601)
    page, file = get(made["url"]), get(f"{made['url']}/preview.json")
    assert (page["statusCode"], page["headers"]["content-type"]) == (404, "text/html; charset=utf-8")
    assert "expired" in page["body"]
    assert json.loads(file["body"])["error"]["code"] == "preview.unknown"


@pytest.mark.parametrize("path", ["/../../settings.py", "/page.html", "/nothing", "/"])
def test_no_other_file_is_given_away(made: dict[str, Any], path: str):
    assert get(made["url"] + path)["statusCode"] == 404


def test_markup_in_a_link_stays_text():
    assert "<script>" not in get("/v1/preview/<script>_x")["body"]


def test_a_link_cannot_be_posted_to(made: dict[str, Any]):
    assert get(made["url"], "POST")["statusCode"] == 405


def test_links_need_the_permission_to_deploy(call: Any, made: dict[str, Any]):
    weak = call("POST", "/v1/tokens", {"permissions": [Permission.LIST_PROJECT], "projects": ["*"]})[1]["token"]
    assert call("POST", f"/v1/models/{made['model']}/preview-links", {}, token=weak)[0] == 403
    assert call("DELETE", f"/v1/preview-links/{made['id']}", token=weak)[0] == 403
    assert call("DELETE", f"/v1/preview-links/{made['id']}")[0] == 204
    assert call("DELETE", f"/v1/preview-links/{made['id']}")[0] == 404
    assert get(made["url"])["statusCode"] == 404
