"""An ONNX Runtime session for threads that each run it by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def open_session(model: bytes | Path) -> Any:
    """One thread a run, which never spins. On CUDA where the installed ONNX Runtime has it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    have = onnxruntime.get_available_providers()
    providers = [p for p in ("CUDAExecutionProvider", "CPUExecutionProvider") if p in have]
    return onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options, providers=providers)
