"""What a user would write first: FastAPI, PIL, torch eager; the same network and head."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import torch
from fastapi import FastAPI, Request
from PIL import Image

from benchmarks.serving.model import NETWORK, SIZE, head
from droplearn.networks.efficientnet_lite import build, pretrained_weights

app = FastAPI()
network = build(NETWORK, pretrained_weights(NETWORK)).eval()
weight, bias = head()


@app.get("/ping")
def ping() -> dict[str, Any]:
    return {}


@app.post("/invocations")
async def invocations(request: Request) -> dict[str, Any]:
    image = Image.open(io.BytesIO(base64.b64decode((await request.json())["dataArray"][0]["body"]))).convert("RGB")
    width, height = image.size
    pixels = np.asarray(image.resize((SIZE, SIZE)), np.float32)
    with torch.no_grad():
        features = network(torch.from_numpy(((pixels - 127) / 128).transpose(2, 0, 1)[None].copy()))
        probabilities = torch.nn.functional.linear(features, weight, bias).softmax(-1)[0]
    best = probabilities.argsort(descending=True)[:5].tolist()
    body = [{"label": f"class {k}", "conf": round(float(probabilities[k]), 6)} for k in best]
    return {"success": True, "result": {"output": [{"type": "cv_common", "body": body}], "meta": {"height": height, "width": width}}}
