"""What the environment may set. Read once, at start-up."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import parse_qsl

from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.prediction import MAX_REQUEST_BYTES
from server.tensorrt import PRECISIONS, Precision
from server.workers import MOST_AT_ONCE

MIB = 1024 * 1024
ENGINES: tuple[Literal["ort", "triton"], ...] = ("ort", "triton")
WAITING_PER_WORKER = 8
"""Threads a core with the engine triton: they wait for its answers, and what waits together is batched."""
DEFAULT_CACHE = Path(tempfile.gettempdir()) / "droplearn-tensorrt"


@dataclass(frozen=True)
class Settings:
    """Defaults suit one SageMaker endpoint instance."""

    model_dir: Path
    host: str = "0.0.0.0"  # noqa: S104 (a container's own network; the twin sets SERVER_HOST=127.0.0.1)
    port: int = 8080
    workers: int = 1
    """Threads that decode and run, one per core."""
    version: str = ""
    """What this server was started for: the name of the folder's only model; of several, the one without which it does not start."""
    max_models_mb: int = 4096
    """Of several versions, together: the files that are loaded. Those that find no room are refused."""
    max_pending: int = 64
    """Requests admitted and not yet answered; more are refused with 2002 rather than kept waiting."""
    max_inputs: int = 64
    """Entries of one `dataArray`."""
    max_json_bytes: int = MAX_REQUEST_BYTES
    max_raw_bytes: int = 20 * MIB
    request_timeout_s: float = 55.0
    """Less than the 60 s after which SageMaker gives up. Source: SageMaker InvokeEndpoint."""
    body_timeout_s: float = 20.0
    """For the body to arrive."""
    grace_s: float = 25.0
    """From SIGTERM to exit with requests in flight. SageMaker kills after 30 s. Source: SageMaker, "How containers serve requests"."""
    summary_interval_s: float = 60.0
    is_batch: bool = False
    """A Batch Transform container: what cannot be answered is told with 200, since SageMaker fails a job for any other status."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Of the answers to requests that have none, as in a query."""
    engine: Literal["ort", "triton"] = "ort"
    """`ort`: ONNX Runtime in this process. `triton`: a child tritonserver. A model that is more than one network runs here with both."""
    triton_home: Path | None = None
    """Folder with bin/tritonserver and backends/; None: /opt/tritonserver, else the wheel nvidia-pytriton."""
    triton_start_s: float = 300.0
    tensorrt: Precision = "off"
    """On an NVIDIA GPU: run through TensorRT in this precision. The plan is built on the first start, which takes minutes."""
    tensorrt_cache: Path = DEFAULT_CACHE
    """Where plans are kept; on a volume, later starts are fast."""

    @property
    def threads(self) -> int:
        """Of the pool that answers requests."""
        return self.workers * (WAITING_PER_WORKER if self.engine == "triton" else 1)

    @property
    def most_at_once(self) -> int:
        """Requests that one thread takes together. One that waits for Triton would only keep others from being batched there."""
        return 1 if self.engine == "triton" else MOST_AT_ONCE


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Raises InvalidRequest (`settings.invalid`) naming the variable."""
    workers = _whole(environ, "SERVER_WORKERS", len(os.sched_getaffinity(0)))
    base = environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")
    return Settings(
        model_dir=Path(environ.get("SM_MODEL_DIR") or f"{base}/model"),
        host=environ.get("SERVER_HOST", Settings.host),
        port=_whole(environ, "SAGEMAKER_BIND_TO_PORT", Settings.port),
        workers=workers,
        version=environ.get("SERVER_VERSION", ""),
        max_models_mb=_whole(environ, "SERVER_MAX_MODELS_MB", max(1, _memory_bytes() // 2 // MIB)),
        max_pending=_whole(environ, "SERVER_MAX_PENDING", 32 * workers),
        max_inputs=_whole(environ, "SERVER_MAX_INPUTS", Settings.max_inputs),
        max_json_bytes=_whole(environ, "SERVER_MAX_JSON_BYTES", Settings.max_json_bytes),
        max_raw_bytes=_whole(environ, "SERVER_MAX_RAW_BYTES", Settings.max_raw_bytes),
        request_timeout_s=_whole(environ, "SERVER_REQUEST_TIMEOUT_S", int(Settings.request_timeout_s)),
        grace_s=_whole(environ, "SERVER_GRACE_S", int(Settings.grace_s)),
        summary_interval_s=_whole(environ, "SERVER_SUMMARY_INTERVAL_S", int(Settings.summary_interval_s)),
        is_batch=environ.get("SAGEMAKER_BATCH", "").lower() == "true",
        options=dict(parse_qsl(environ.get("SERVER_OPTIONS", ""))),
        engine=_one_of(environ, "SERVER_ENGINE", ENGINES),
        triton_home=Path(environ["SERVER_TRITON_HOME"]) if environ.get("SERVER_TRITON_HOME") else None,
        triton_start_s=_whole(environ, "SERVER_TRITON_START_S", int(Settings.triton_start_s)),
        tensorrt=_one_of(environ, "SERVER_TENSORRT", PRECISIONS),
        tensorrt_cache=Path(environ.get("SERVER_TENSORRT_CACHE") or DEFAULT_CACHE),
    )


def _whole(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise InvalidRequest("settings.invalid", f"{name} must be a whole number of at least 1, not {text!r}.", hint=f"Correct {name}.")
    return int(text)


def _memory_bytes(limit: Path = Path("/sys/fs/cgroup/memory.max")) -> int:
    """The container's limit, else the machine's. Source: Linux kernel documentation, "Control Group v2"."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        text = limit.read_text().strip()
    except OSError:
        return machine
    return min(int(text), machine) if text.isdigit() else machine


C = TypeVar("C", bound=str)


def _one_of(environ: Mapping[str, str], name: str, choices: tuple[C, ...]) -> C:
    """The first is the default."""
    text = environ.get(name) or choices[0]
    for choice in choices:
        if choice == text:
            return choice
    raise InvalidRequest("settings.invalid", f"{name} must be one of {', '.join(choices)}, not {text!r}.", hint=f"Correct {name}.")
