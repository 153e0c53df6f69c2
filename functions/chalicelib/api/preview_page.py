"""`GET /v1/preview/{signed}` and the files below it: the page that runs a model in the browser. The link itself is the permission."""

from __future__ import annotations

import gzip
import html
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chalicelib.api.errors import MethodNotAllowed, Reply
from chalicelib.bootstrap import platform
from chalicelib.service import preview_links
from droplearn.contracts.errors import CapacityUnavailable, DropLearnError, NotFound
from droplearn.contracts.s3_layout import browser_runtime_key

PREFIX = "/v1/preview/"
_FILES = Path(__file__).parents[1] / "preview_page"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".json": "application/json", ".svg": "image/svg+xml"}
_RUNTIME_CODE = "onnxruntime.js"
_REFUSAL = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>droplearn preview</title>
<style>
body {{ font: 16px/1.4 system-ui, sans-serif; margin: 0 auto; padding: 0.75rem; max-width: 40rem; }}
h1 {{ font-size: 1.25rem; }}
</style>
<h1>{}</h1>
<p>{}</p>
"""
"""In one piece: no other file of the preview can be had without a link."""
_PRIVATE = {"referrer-policy": "no-referrer", "x-content-type-options": "nosniff", "cache-control": "private, max-age=300"}


def answer(event: dict[str, Any]) -> Reply:
    """The page, one of its files, or a redirect to S3 for the large ones. Raises NotFound, MethodNotAllowed, CapacityUnavailable."""
    if event["requestContext"]["http"]["method"] != "GET":
        raise MethodNotAllowed("route.method_not_allowed", "Only GET is possible here.", hint="Use GET.", details={"allowed": ["GET"]})
    signed, slash, file = event["rawPath"].removeprefix(PREFIX).partition("/")
    if not slash:
        return _page(signed)
    model = preview_links.open_link(platform(), signed)
    if file in preview_links.LARGE_FILES:
        return _reply(302, "", {"location": preview_links.url_of(platform(), model, file), "cache-control": "no-store"})
    if file == "preview.json":
        return _reply(200, json.dumps(preview_links.told(platform(), model), ensure_ascii=False), _typed(file))
    if file == _RUNTIME_CODE:
        return _reply(200, _runtime_code(), _typed(file))
    return _own_file(signed, file)


def _page(signed: str) -> Reply:
    try:
        preview_links.open_link(platform(), signed)
    except DropLearnError as error:
        return _reply(error.http_status, _REFUSAL.format(html.escape(error.message), html.escape(error.hint)), _typed(".html"))
    shown = (_FILES / "page.html").read_text(encoding="utf-8").replace("$BASE", f"{PREFIX}{html.escape(signed)}/")
    return _reply(200, shown, _typed(".html") | _policy())


def _policy() -> dict[str, str]:
    """Nothing from anywhere but this page and the bucket; a camera and a microphone for this page only."""
    bucket = urlsplit(platform().links.to_artifact(browser_runtime_key(preview_links.RUNTIME), 60))
    allowed = {
        "default-src": "'none'",
        "script-src": "'self' 'wasm-unsafe-eval'",
        "style-src": "'self'",
        "connect-src": f"'self' {bucket.scheme}://{bucket.netloc}",
        "img-src": "'self' blob: data:",
        "media-src": "'self' blob:",
        "worker-src": "'self'",
        "base-uri": "'self'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    rules = "; ".join(f"{name} {value}" for name, value in allowed.items())
    return {"content-security-policy": rules, "permissions-policy": "camera=(self), microphone=(self)"}


def _own_file(signed: str, name: str) -> Reply:
    known = {path.name for path in _FILES.iterdir() if path.suffix in (".js", ".css", ".svg")}
    if name not in known:
        raise NotFound("route.unknown", f"The preview has no file {name[:60]!r}.", hint="Open the link itself.")
    scope = {"service-worker-allowed": PREFIX + signed} if name == "service_worker.js" else {}
    return _reply(200, (_FILES / name).read_text(encoding="utf-8"), _typed(name) | scope)


def _runtime_code() -> str:
    """Raises CapacityUnavailable (`preview.no_runtime`)."""
    packed = platform().artifacts.read(browser_runtime_key(_RUNTIME_CODE))
    if packed is None:
        raise CapacityUnavailable(
            "preview.no_runtime",
            "The stack has no copy of onnxruntime-web.",
            hint="Run infra/deploy again where the npm registry can be reached (on one machine: `droplearn up`).",
        )
    return gzip.decompress(packed).decode()


def _typed(name: str) -> dict[str, str]:
    suffix = name[name.rfind(".") :]
    return {"content-type": f"{_TYPES[suffix]}; charset=utf-8"}


def _reply(status: int, body: str, headers: dict[str, str]) -> Reply:
    return {"statusCode": status, "headers": _PRIVATE | headers, "body": body, "isBase64Encoded": False}
