"""LitServe with one worker process per core, the same ONNX file, the same decoding: what differs is the server.

Arguments: model folder, port, workers.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import litserve


class Classifier(litserve.LitAPI):
    def setup(self, device: str) -> None:
        import onnxruntime as ort

        from droplearn.scenarios.image_classification.pixels import prepare

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = ort.InferenceSession(str(Path(sys.argv[1]) / "model.onnx"), options, providers=["CPUExecutionProvider"])
        self.prepare = prepare

    def decode_request(self, request, **_):  # LitServe reads an annotation here as FastAPI would
        return self.prepare(base64.b64decode(request["dataArray"][0]["body"]), 224)

    def predict(self, picture: Any, **_: object) -> Any:
        return self.session.run(None, {"image": picture.pixels[None]})[0][0], picture.height, picture.width

    def encode_response(self, output: Any, **_: object) -> dict[str, Any]:
        probabilities, height, width = output
        best = (-probabilities).argsort()[:5]
        body = [{"label": f"class {k}", "conf": round(float(probabilities[k]), 6)} for k in best]
        return {"success": True, "result": {"output": [{"type": "cv_common", "body": body}], "meta": {"height": height, "width": width}}}


if __name__ == "__main__":
    server = litserve.LitServer(Classifier(api_path="/invocations"), accelerator="cpu", workers_per_device=int(sys.argv[3]))
    server.run(port=int(sys.argv[2]), host="127.0.0.1", generate_client_file=False, log_level="warning", num_api_servers=1)
