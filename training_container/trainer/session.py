"""A network in ONNX Runtime as the server holds it. Imports little: memory is measured in a process that has nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def open_session(network: Path) -> Any:
    """On the CPU, one thread, no spinning."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(os.fspath(network), options, providers=["CPUExecutionProvider"])
