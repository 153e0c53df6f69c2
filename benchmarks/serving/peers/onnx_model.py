"""The same network, decoding and answers as ours, for peers: what differs is the server. `run(decode(base64 text))` is one request."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from PIL import Image

from droplearn.contracts.model import ModelManifest
from droplearn.scenarios import scenario_named
from droplearn.scenarios.answering import ModelInput


class Model:
    """Session options as the product's."""

    def __init__(self, folder: Path) -> None:
        manifest = ModelManifest.from_json((folder / "model.json").read_bytes())
        self.predictor = scenario_named(manifest.scenario).load_serving().load(folder, manifest)
        self.input, self.size = manifest.inputs[0].name, manifest.inputs[0].shape[1]
        self.outputs = [tensor.name for tensor in manifest.outputs]
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = ort.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])

    def decode(self, text: str) -> Any:
        return self.predictor.decode(base64.b64decode(text))

    def decode_with_pillow(self, text: str) -> ModelInput:
        """As most people would. Classifiers only: a detector's boxes need its own scaling."""
        image = Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")
        pixels = np.asarray(image.resize((self.size, self.size)))
        return ModelInput({self.input: pixels[None]}, {"height": image.height, "width": image.width})

    def run(self, given: Any) -> dict[str, Any]:
        body = self.predictor.answer(self.session.run(self.outputs, given.tensors), given.meta, {})
        return {"success": True, "result": {"output": [{"type": "cv_common", "body": body}], "meta": given.meta}}
