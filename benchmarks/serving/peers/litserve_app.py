"""LitServe with one worker process per core, the same ONNX file, the same decoding: what differs is the server.

Arguments: model folder, port, workers, `ours` or `pillow` (what decodes pictures).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import litserve

from benchmarks.serving.peers.onnx_model import Model


class Service(litserve.LitAPI):
    def setup(self, device: str) -> None:
        model = Model(Path(sys.argv[1]))
        self.decode, self.run = model.decode_with_pillow if sys.argv[4] == "pillow" else model.decode, model.run

    def decode_request(self, request, **_):  # LitServe reads an annotation here as FastAPI would
        return self.decode(request["dataArray"][0]["body"])

    def predict(self, given: Any, **_: object) -> Any:
        return self.run(given)

    def encode_response(self, output: Any, **_: object) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Service(api_path="/invocations"), accelerator="cpu", workers_per_device=int(sys.argv[3]))
    server.run(port=int(sys.argv[2]), host="127.0.0.1", generate_client_file=False, log_level="warning", num_api_servers=1)
