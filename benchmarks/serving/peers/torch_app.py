"""What a user would write first: FastAPI, PIL, torch eager; the same network with the weights of MODEL_DIR's ONNX file."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fastapi import FastAPI, Request
from PIL import Image

from benchmarks.serving.model import NETWORK, SIZE, head
from droplearn.contracts.model import ModelManifest

app = FastAPI()
folder = Path(os.environ["MODEL_DIR"])
manifest = ModelManifest.from_json((folder / "model.json").read_bytes())


class Classifier:
    """EfficientNet-Lite0 with its ImageNet head."""

    size = SIZE

    def __init__(self) -> None:
        from droplearn.networks.efficientnet_lite import build, pretrained_weights

        self.network = build(NETWORK, pretrained_weights(NETWORK)).eval()
        self.weight, self.bias = head()

    def answer(self, pixels: torch.Tensor) -> list[dict[str, Any]]:
        probabilities = torch.nn.functional.linear(self.network(pixels), self.weight, self.bias).softmax(-1)[0]
        best = probabilities.argsort(descending=True)[:5].tolist()
        return [{"label": f"class {k}", "conf": round(float(probabilities[k]), 6)} for k in best]


class ShapeDetector:
    """The backbone and what is trained of the detector, as torch modules; the boxes are sorted out as the product does it."""

    def __init__(self) -> None:
        from droplearn.networks.detector import Detector
        from droplearn.networks.detector_plan import DetectorPlan
        from droplearn.networks.efficientnet_lite import build, pretrained_weights

        self.size = manifest.inputs[0].shape[1]
        self.plan = DetectorPlan(manifest.preprocessing["network"], len(manifest.labels))
        self.backbone = build(self.plan.network, pretrained_weights(self.plan.network)).eval()
        self.detector = Detector(self.plan).eval()
        arrays = {name: torch.from_numpy(value) for name, value in np.load(folder / "weights.npz").items()}
        self.detector.load_state_dict(arrays, strict=False)

    def answer(self, pixels: torch.Tensor) -> list[dict[str, Any]]:
        x = self.backbone.stem(pixels)
        for block in self.backbone.blocks[: self.plan.feature_blocks[0] + 1]:
            x = block(x)
        logits, distances = self.detector(x)
        scores = logits.sigmoid()[0].numpy()
        from droplearn.networks.detector_plan import points
        from droplearn.scenarios.object_detection.boxes import detect

        centres, _ = points(self.size)
        boxes = np.concatenate([centres, centres], 1) + distances[0].numpy() * np.array([-1, -1, 1, 1], np.float32)
        found = detect(boxes, scores, self.size, self.size, size=self.size, threshold=0.3, nms_iou=0.5)
        return [{"label": manifest.labels[k], "conf": float(s), "pos": b.tolist()} for b, s, k in zip(*found, strict=True)]


model = Classifier() if manifest.scenario == "image_classification" else ShapeDetector()


@app.get("/ping")
def ping() -> dict[str, Any]:
    return {}


@app.post("/invocations")
async def invocations(request: Request) -> dict[str, Any]:
    image = Image.open(io.BytesIO(base64.b64decode((await request.json())["dataArray"][0]["body"]))).convert("RGB")
    width, height = image.size
    pixels = np.asarray(image.resize((model.size, model.size)), np.float32)
    with torch.no_grad():
        body = model.answer(torch.from_numpy(((pixels - 127) / 128).transpose(2, 0, 1)[None].copy()))
    return {"success": True, "result": {"output": [{"type": "cv_common", "body": body}], "meta": {"height": height, "width": width}}}
