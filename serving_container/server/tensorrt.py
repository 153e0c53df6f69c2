"""TensorRT through ONNX Runtime, on NVIDIA GPUs: the plan is built on the first start on a GPU, and kept in a folder for later starts.

Written and tested as far as a CPU allows: what is asked of ONNX Runtime, not what a GPU makes of it.
Which precision: fp16 for T4 and V100; int8 for T4 and later, with a network whose 8-bit scales are symmetric: TensorRT takes no zero
points, and the int8 variants of ours have them, for CPUs. A V100 has no 8-bit tensor cores, and TensorRT since 10.5 no longer runs on it
(then ONNX Runtime falls back to CUDA).
Source: ONNX Runtime documentation, "TensorRT Execution Provider"; NVIDIA TensorRT, Support Matrix, Release Notes 10.5, "Working with
Quantized Types".
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from droplearn.contracts.model import ModelManifest, TensorSpec

Precision = Literal["off", "fp16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("off", "fp16", "int8")
MAX_BATCH = 16
"""Of one run: what the plan is built for."""

Provider = str | tuple[str, dict[str, str]]


def providers(available: Sequence[str], precision: Precision, manifest: ModelManifest, cache: Path) -> list[Provider]:
    """The best first; the CPU is always the last. What TensorRT cannot take of a network runs on CUDA."""
    wanted: list[Provider] = []
    if precision != "off" and "TensorrtExecutionProvider" in available:
        wanted.append(("TensorrtExecutionProvider", options(precision, manifest, cache)))
    wanted += [name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in available]
    return wanted


def options(precision: Precision, manifest: ModelManifest, cache: Path) -> dict[str, str]:
    """int8 allows fp16, too: layers that were left in float run in it."""
    told = {
        "trt_fp16_enable": "1",
        "trt_int8_enable": "1" if precision == "int8" else "0",
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(cache),
        "trt_engine_cache_prefix": f"{manifest.model_id}-{manifest.variant}-{precision}",
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(cache),
    }
    for name, batch in (("min", 1), ("opt", 1), ("max", MAX_BATCH)):
        told[f"trt_profile_{name}_shapes"] = ",".join(f"{tensor.name}:{_shape(tensor, batch)}" for tensor in manifest.inputs)
    return told


def triton_parameters(precision: Precision, cache: Path) -> dict[str, Any]:
    """The same for Triton's backend `onnxruntime`. Source: triton-inference-server/onnxruntime_backend, README, "TensorRT Optimization"."""
    return {
        "precision_mode": "INT8" if precision == "int8" else "FP16",
        "trt_engine_cache_enable": "true",
        "trt_engine_cache_path": str(cache),
    }


def _shape(tensor: TensorSpec, batch: int) -> str:
    return "x".join(str(batch if axis < 0 else axis) for axis in tensor.shape)
