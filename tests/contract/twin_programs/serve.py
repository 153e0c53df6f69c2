"""A model server for tests of the twin."""

import http.server
import json
import os
import time
from pathlib import Path

if os.environ.get("BROKEN"):
    raise SystemExit("broken")
model = json.loads((Path(os.environ["SM_MODEL_DIR"]) / "model.json").read_text())


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body == b"boom":
            self.answer(500, b"it broke")
            return
        if body == b"die":
            os._exit(1)
        if body == b"slow":
            time.sleep(1)
        answer = {
            "model": model,
            "bytes": len(body),
            "content_type": self.headers["Content-Type"],
            "accept": self.headers["Accept"],
            "name": os.environ.get("NAME"),
            "pid": os.getpid(),
        }
        self.answer(200, json.dumps(answer).encode())

    def answer(self, code, body):
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *arguments):
        print(form % arguments, flush=True)


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
