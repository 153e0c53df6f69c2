"""The preview's page as the API serves it, for any network: `/v1/preview/<name>` and what lies below."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "functions/chalicelib/preview_page"
TYPES = {".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".json": "application/json"}


class Site:
    """`add` gives the address of a preview."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.files: dict[str, bytes] = {"/favicon.ico": b""}  # Chromium sometimes asks, though the page names its icon

    def add(self, name: str, told: dict[str, Any], network: bytes, runtime: Mapping[str, Path]) -> str:
        below = f"/v1/preview/{name}"
        self.files[below] = (PAGE / "page.html").read_bytes().replace(b"$BASE", f"{below}/".encode())
        self.files |= {f"{below}/{file.name}": file.read_bytes() for file in PAGE.iterdir()}
        self.files |= {f"{below}/{name}": gzip.decompress(file.read_bytes()) for name, file in runtime.items()}
        about = {"name": name, "scenario": "", "created_at": "2026-01-01T00:00:00Z", "metrics": {}, "preprocessing": {}}
        told = about | told | {"network": {"size_bytes": len(network)}}
        self.files |= {f"{below}/preview.json": json.dumps(told).encode(), f"{below}/network.onnx": network}
        return self.url + below


@contextlib.contextmanager
def preview_site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = site.files.get(self.path)
            self.send_response(200 if body is not None else 404)
            self.send_header("content-type", TYPES.get(Path(self.path).suffix, "text/html; charset=utf-8"))
            self.send_header("service-worker-allowed", "/")
            self.send_header("content-length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = Site(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
