"""ONNX Runtime sessions as all networks here use them: one thread a run, any number of runs at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def open_session(network: bytes | Path) -> Any:
    """On CUDA where the installed ONNX Runtime has it, else on the CPU. Threads may share it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False  # pages differ in size: the arena would keep the largest of each
    options.log_severity_level = 3
    have = onnxruntime.get_available_providers()
    providers = [p for p in ("CUDAExecutionProvider", "CPUExecutionProvider") if p in have]
    return onnxruntime.InferenceSession(network if isinstance(network, bytes) else str(network), options, providers=providers)
