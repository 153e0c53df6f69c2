"""Asks the child over gRPC (tritonclient.grpc.aio) on an event loop of its own, which threads of the pool wait for."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from droplearn.contracts.model import ModelManifest
from droplearn.contracts.prediction import ErrorCode
from droplearn.scenarios.answering import Tensor
from server.errors import InvalidModel, RequestError
from server.json_log import log
from server.settings import Settings
from server.tensorrt import triton_parameters
from server.triton.child import Child, command_of, environment, find_installation, free_port, lay_out_backends
from server.triton.repository import MODEL, TYPES, config_of, write_repository

_LOOK_EVERY_S = 0.05
T = TypeVar("T")


class TritonEngine:
    """Engine `triton`."""

    def __init__(self, network: Path, manifest: ModelManifest, settings: Settings) -> None:
        found = find_installation(settings.triton_home)
        self._folder = tempfile.TemporaryDirectory(prefix="droplearn-triton-")
        base = Path(self._folder.name)
        is_on_gpu = any(Path("/dev").glob("nvidia[0-9]*"))
        accelerated = triton_parameters(settings.tensorrt, settings.tensorrt_cache) if is_on_gpu and settings.tensorrt != "off" else {}
        config = config_of(manifest, found.backend, 1 if is_on_gpu else settings.workers, is_on_gpu=is_on_gpu, tensorrt=accelerated)
        write_repository(base / "models", network, config)
        port = free_port()
        backends = lay_out_backends(found, base / "backends")
        self._inputs, self._outputs = manifest.inputs, [output.name for output in manifest.outputs]
        self._timeout_s = settings.request_timeout_s
        self._child = Child(command_of(found.binary, base / "models", backends, port), environment(found))
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="triton-client", daemon=True).start()
        try:
            self._client = self._ask(self._connect(f"127.0.0.1:{port}"))
            self._wait(settings.triton_start_s)
        except BaseException:
            self.close()
            raise
        log("triton_ready", backend=found.backend, instances=config.instances, max_batch_size=config.max_batch_size, gpu=is_on_gpu)

    @property
    def is_alive(self) -> bool:
        """As long as the child runs."""
        return self._child.is_alive

    def run(self, tensors: dict[str, Tensor]) -> list[Any]:
        """Raises RequestError 2003; 2002 when the child has ended."""
        from tritonclient.utils import InferenceServerException

        try:
            return self._ask(self._infer(tensors))
        except InferenceServerException as error:
            if not self.is_alive:
                raise RequestError(ErrorCode.GET_INSTANCE_ERROR, "Triton has ended; the server restarts.") from error
            raise RequestError(ErrorCode.MODEL_FORWARD_ERROR, f"The network failed: {error}"[:500]) from error

    def close(self) -> None:
        """Ends the child and forgets its files."""
        self._child.end()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._folder.cleanup()

    async def _connect(self, address: str) -> Any:
        """A channel belongs to the loop that it was made on."""
        from tritonclient.grpc.aio import InferenceServerClient

        return InferenceServerClient(address)

    async def _infer(self, tensors: dict[str, Tensor]) -> list[Any]:
        from tritonclient.grpc import InferInput, InferRequestedOutput

        inputs = []
        for spec in self._inputs:
            value = tensors[spec.name]
            inputs.append(InferInput(spec.name, list(value.shape), TYPES[spec.dtype]))
            inputs[-1].set_data_from_numpy(value)
        outputs = [InferRequestedOutput(name) for name in self._outputs]
        answer = await self._client.infer(MODEL, inputs, outputs=outputs, client_timeout=self._timeout_s)
        return [answer.as_numpy(name) for name in self._outputs]

    def _wait(self, limit_s: float) -> None:
        """Until it would answer. On a GPU a TensorRT plan may be built meanwhile, which takes minutes."""
        until = time.monotonic() + limit_s
        while not self._is_ready():
            if not self._child.is_alive or time.monotonic() > until:
                told = " | ".join(list(self._child.last_lines)[-5:])
                why = "did not become ready in time" if self._child.is_alive else "ended"
                raise InvalidModel("model.unusable", f"Triton {why}: {told}"[:1000], hint="See the log; SERVER_ENGINE=ort does without it.")
            time.sleep(_LOOK_EVERY_S)

    def _is_ready(self) -> bool:
        from tritonclient.utils import InferenceServerException

        try:
            return bool(self._ask(self._client.is_model_ready(MODEL)))
        except InferenceServerException:
            return False

    def _ask(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
