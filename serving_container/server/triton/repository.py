"""A plain Triton model repository made from a ModelManifest: `<folder>/model/config.pbtxt` and `<folder>/model/1/model.onnx`.

Source: Triton Inference Server documentation, "Model Repository" and "Model Configuration".
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from droplearn.contracts.model import ModelManifest, TensorSpec

MODEL, NETWORK = "model", "model.onnx"
MAX_BATCH = 16
Backend = Literal["onnxruntime", "python"]
TYPES = {"uint8": "UINT8", "int8": "INT8", "int32": "INT32", "int64": "INT64", "float16": "FP16", "float32": "FP32"}
"""numpy's names -> Triton's."""


@dataclass(frozen=True)
class TensorConfig:
    """An input or output, without the axis of the batch."""

    name: str
    data_type: str
    dims: tuple[int, ...]

    def to_text(self, kind: str) -> str:
        """A line of config.pbtxt."""
        return f'{kind} [ {{ name: "{self.name}" data_type: {self.data_type} dims: [ {", ".join(map(str, self.dims))} ] }} ]'


@dataclass(frozen=True)
class ModelConfig:
    """config.pbtxt. max_batch_size 0: the network itself takes every axis, and nothing is batched."""

    backend: Backend
    max_batch_size: int
    inputs: tuple[TensorConfig, ...]
    outputs: tuple[TensorConfig, ...]
    instances: int
    is_on_gpu: bool
    tensorrt: dict[str, str] = field(default_factory=dict)
    """Parameters of the accelerator; none: it is not used."""

    def to_text(self) -> str:
        """In protobuf's text form."""
        lines = [f'name: "{MODEL}"', f'backend: "{self.backend}"']
        lines.append(f"max_batch_size: {self.max_batch_size}")
        lines += [tensor.to_text("input") for tensor in self.inputs]
        lines += [tensor.to_text("output") for tensor in self.outputs]
        lines.append(f"instance_group [ {{ count: {self.instances} kind: {'KIND_GPU' if self.is_on_gpu else 'KIND_CPU'} }} ]")
        if self.max_batch_size:
            lines.append("dynamic_batching { }")
        if self.backend == "python":
            lines.append('parameters { key: "FORCE_CPU_ONLY_INPUT_TENSORS" value: { string_value: "yes" } }')
        else:
            lines += [f'parameters {{ key: "{name}_op_thread_count" value: {{ string_value: "1" }} }}' for name in ("intra", "inter")]
        if self.tensorrt:
            told = " ".join(f'parameters {{ key: "{key}" value: "{value}" }}' for key, value in self.tensorrt.items())
            lines.append(f'optimization {{ execution_accelerators {{ gpu_execution_accelerator [ {{ name: "tensorrt" {told} }} ] }} }}')
        return "\n".join(lines) + "\n"


def config_of(
    manifest: ModelManifest, backend: Backend, instances: int, *, is_on_gpu: bool, tensorrt: dict[str, str] | None = None
) -> ModelConfig:
    """Batches only where the first axis of every input and output is the batch: else callers' examples would be mixed."""
    tensors = (*manifest.inputs, *manifest.outputs)
    is_batched = all(tensor.shape[:1] == [-1] and tensor.axes[:1] == "N" for tensor in tensors)
    return ModelConfig(
        backend=backend,
        max_batch_size=MAX_BATCH if is_batched else 0,
        inputs=tuple(_tensor(tensor, is_batched) for tensor in manifest.inputs),
        outputs=tuple(_tensor(tensor, is_batched) for tensor in manifest.outputs),
        instances=instances,
        is_on_gpu=is_on_gpu,
        tensorrt=tensorrt or {},
    )


def write_repository(folder: Path, network: Path, config: ModelConfig) -> Path:
    """The repository's folder. The network is copied: Triton reads it under the account that it runs as."""
    version = folder / MODEL / "1"
    version.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(network, version / NETWORK)
    if config.backend == "python":
        shutil.copyfile(Path(__file__).with_name("model.py"), version / "model.py")
    (folder / MODEL / "config.pbtxt").write_text(config.to_text(), "utf-8")
    return folder


def _tensor(tensor: TensorSpec, is_batched: bool) -> TensorConfig:
    return TensorConfig(tensor.name, f"TYPE_{TYPES[tensor.dtype]}", tuple(tensor.shape[1:] if is_batched else tensor.shape))
