"""A network as Triton Inference Server names it: config.pbtxt of a plain model repository, from a ModelManifest. Pure.

Source: Triton Inference Server documentation, "Model Repository", "Model Configuration".
"""

from __future__ import annotations

from droplearn.contracts.model import ModelManifest, TensorSpec

MAX_BATCH = 16
_TYPES = {
    "uint8": "TYPE_UINT8",
    "int32": "TYPE_INT32",
    "int64": "TYPE_INT64",
    "float16": "TYPE_FP16",
    "float32": "TYPE_FP32",
}


def config_text(manifest: ModelManifest, name: str, label_file: str) -> str:
    """For the backend `onnxruntime`, on whatever instances the server finds; requests are batched where the network has an axis for it."""
    is_batched = all(tensor.shape[:1] == [-1] and tensor.axes[:1] == "N" for tensor in (*manifest.inputs, *manifest.outputs))
    lines = [f'name: "{name}"', 'backend: "onnxruntime"', f"max_batch_size: {MAX_BATCH if is_batched else 0}"]
    lines += [_tensor("input", tensor, is_batched) for tensor in manifest.inputs]
    lines += [_tensor("output", tensor, is_batched, label_file if _is_per_label(manifest, tensor) else "") for tensor in manifest.outputs]
    return "\n".join(lines + (["dynamic_batching { }"] if is_batched else [])) + "\n"


def _is_per_label(manifest: ModelManifest, tensor: TensorSpec) -> bool:
    """Triton's own classification results name the labels of such an output."""
    return tensor.axes == "NC" and tensor.shape[-1] == len(manifest.labels)


def _tensor(kind: str, tensor: TensorSpec, is_batched: bool, label_file: str = "") -> str:
    dims = ", ".join(map(str, tensor.shape[1:] if is_batched else tensor.shape))
    labels = f' label_filename: "{label_file}"' if label_file else ""
    return f'{kind} [ {{ name: "{tensor.name}" data_type: {_TYPES[tensor.dtype]} dims: [ {dims} ]{labels} }} ]'
