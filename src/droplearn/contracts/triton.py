"""A network as Triton Inference Server names it: the plain model repository of a ModelManifest. Pure; exports and the server both write it.

`<repository>/<name>/config.pbtxt`, `<name>/labels.txt`, `<name>/1/model.onnx`.
Source: Triton Inference Server documentation, "Model Repository" and "Model Configuration".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from droplearn.contracts.model import ModelManifest, TensorSpec

NAME, NETWORK, VERSION, CONFIG_FILE, LABEL_FILE = "model", "model.onnx", "1", "config.pbtxt", "labels.txt"
MAX_BATCH = 16
Backend = Literal["onnxruntime", "python"]
TYPES = {"uint8": "UINT8", "int8": "INT8", "int32": "INT32", "int64": "INT64", "float16": "FP16", "float32": "FP32"}
"""numpy's names -> Triton's."""


@dataclass(frozen=True)
class Running:
    """Where and how it runs. Unless told otherwise: on whatever instances Triton finds, one session each."""

    backend: Backend = "onnxruntime"
    instances: int | None = None
    is_on_gpu: bool = False
    tensorrt: dict[str, str] = field(default_factory=dict)
    """Parameters of the accelerator; none: it is not used."""

    def lines(self) -> list[str]:
        """Of config.pbtxt."""
        lines = []
        if self.instances is not None:
            lines.append(f"instance_group [ {{ count: {self.instances} kind: {'KIND_GPU' if self.is_on_gpu else 'KIND_CPU'} }} ]")
            lines += self._threads()
        if self.tensorrt:
            told = " ".join(f'parameters {{ key: "{key}" value: "{value}" }}' for key, value in self.tensorrt.items())
            lines.append(f'optimization {{ execution_accelerators {{ gpu_execution_accelerator [ {{ name: "tensorrt" {told} }} ] }} }}')
        return lines

    def _threads(self) -> list[str]:
        """One an instance."""
        if self.backend == "python":
            return ['parameters { key: "FORCE_CPU_ONLY_INPUT_TENSORS" value: { string_value: "yes" } }']
        return [f'parameters {{ key: "{name}_op_thread_count" value: {{ string_value: "1" }} }}' for name in ("intra", "inter")]


ANYWHERE = Running()


def repository_files(manifest: ModelManifest, name: str = NAME, running: Running = ANYWHERE) -> dict[str, bytes]:
    """Path below the repository -> content, but for the network, which lies at `network_place`."""
    labels = "".join(" ".join(label.split()) + "\n" for label in manifest.labels)
    return {f"{name}/{CONFIG_FILE}": config_text(manifest, name, running).encode(), f"{name}/{LABEL_FILE}": labels.encode()}


def network_place(name: str = NAME) -> str:
    """Below the repository."""
    return f"{name}/{VERSION}/{NETWORK}"


def config_text(manifest: ModelManifest, name: str = NAME, running: Running = ANYWHERE) -> str:
    """In protobuf's text form."""
    batched = max_batch_size(manifest) > 0
    lines = [f'name: "{name}"', f'backend: "{running.backend}"', f"max_batch_size: {max_batch_size(manifest)}"]
    lines += [_tensor("input", tensor, batched) for tensor in manifest.inputs]
    lines += [_tensor("output", tensor, batched, is_per_label=_is_per_label(manifest, tensor)) for tensor in manifest.outputs]
    lines += ["dynamic_batching { }"] if batched else []
    return "\n".join(lines + running.lines()) + "\n"


def max_batch_size(manifest: ModelManifest) -> int:
    """0 where the first axis of an input or output is not the batch: the network takes every axis, or callers' examples would be mixed."""
    is_batched = all(tensor.shape[:1] == [-1] and tensor.axes[:1] == "N" for tensor in (*manifest.inputs, *manifest.outputs))
    return MAX_BATCH if is_batched else 0


def _is_per_label(manifest: ModelManifest, tensor: TensorSpec) -> bool:
    """Triton's own classification results name the labels of such an output."""
    return tensor.axes == "NC" and tensor.shape[-1] == len(manifest.labels)


def _tensor(kind: str, tensor: TensorSpec, batched: bool, *, is_per_label: bool = False) -> str:
    dims = ", ".join(map(str, tensor.shape[1:] if batched else tensor.shape))
    labels = f' label_filename: "{LABEL_FILE}"' if is_per_label else ""
    return f'{kind} [ {{ name: "{tensor.name}" data_type: TYPE_{TYPES[tensor.dtype]} dims: [ {dims} ]{labels} }} ]'
