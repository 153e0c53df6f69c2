"""The benchmark's model: EfficientNet-Lite0 with its ImageNet head, as a model folder of ours and as arrays for the torch peer."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

CLASSES, SIZE, NETWORK = 1000, 224, "efficientnet_lite0"


def head() -> tuple[object, object]:
    """Weight (1000, 1280) and bias (1000) of the ImageNet head, torch tensors."""
    import torch

    from droplearn.networks.pretrained import weights_file

    raw = torch.load(weights_file(NETWORK), map_location="cpu", weights_only=True)
    return raw["_fc.weight"], raw["_fc.bias"]


def write_model(folder: Path) -> Path:
    """`model.json` and `model.onnx`; nothing is done when they are there."""
    if (folder / "model.json").exists():
        return folder
    import onnx

    from droplearn.networks.backbones import backbone_file
    from droplearn.networks.onnx_graph import add_classifier

    folder.mkdir(parents=True, exist_ok=True)
    weight, bias = head()
    graph = add_classifier(onnx.load(str(backbone_file(NETWORK, SIZE))), weight.numpy(), bias.numpy(), 1.0)  # type: ignore[attr-defined]
    content = graph.SerializeToString()
    (folder / "model.onnx").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    manifest = {
        "model_id": "model-bench", "task_id": "task-bench", "scenario": "image_classification", "preset": "high_performance",
        "dataset_version": "v-bench",
        "code_version": "bench", "created_at": "2026-01-01T00:00:00Z", "labels": [f"class {k}" for k in range(CLASSES)],
        "inputs": [{"name": "image", "dtype": "uint8", "shape": [-1, SIZE, SIZE, 3], "axes": "NHWC"}],
        "outputs": [{"name": "probabilities", "dtype": "float32", "shape": [-1, CLASSES], "axes": "NC"}],
        "files": [{"name": "model.onnx", "role": "network", "size_bytes": len(content), "sha256": digest}],
        "metrics": {}, "metrics_protocol": "validation", "stop_reason": "converged", "is_final": True,
        "preprocessing": {"resample": "bilinear"},
    }  # fmt: skip
    (folder / "model.json").write_text(json.dumps(manifest))
    return folder
