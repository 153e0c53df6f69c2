"""The child with its model repository, asked over gRPC (tritonclient.grpc.aio) on an event loop of its own; threads wait for it.

It starts empty. Models are loaded one by one, so that one which Triton cannot load takes no other with it.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from droplearn.contracts.model import ModelManifest
from droplearn.contracts.triton import Running, max_batch_size
from server.errors import InvalidModel
from server.json_log import log
from server.settings import Settings
from server.tensorrt import triton_parameters
from server.triton.child import Child, command_of, environment, find_installation, free_port, lay_out_backends
from server.triton.repository import write_model

_LOOK_EVERY_S = 0.05
_LOOK_AT_LOG = "See the log; SERVER_ENGINE=ort does without it."
T = TypeVar("T")


class TritonHost:
    """Used by several threads at once. Raises InvalidModel when there is no Triton."""

    def __init__(self, settings: Settings) -> None:
        found = find_installation(settings.triton_home)
        self._folder = tempfile.TemporaryDirectory(prefix="droplearn-triton-", ignore_cleanup_errors=True)
        """Which a model that is still being loaded may be written into while it is removed."""
        base = Path(self._folder.name)
        self._repository = base / "models"
        self._repository.mkdir()
        is_on_gpu = any(Path("/dev").glob("nvidia[0-9]*"))
        accelerated = triton_parameters(settings.tensorrt, settings.tensorrt_cache) if is_on_gpu and settings.tensorrt != "off" else {}
        self._running = Running(found.backend, 1 if is_on_gpu else settings.workers, is_on_gpu, accelerated)
        self._timeout_s, self._start_s, port = settings.request_timeout_s, settings.triton_start_s, free_port()
        backends = lay_out_backends(found, base / "backends")
        self._child = Child(command_of(found.binary, self._repository, backends, port), environment(found))
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="triton-client", daemon=True).start()
        try:
            self._client = self._ask(self._connect(f"127.0.0.1:{port}"))
        except BaseException:
            self.close()
            raise

    @property
    def is_alive(self) -> bool:
        """As long as the child runs."""
        return self._child.is_alive

    def wait_until_live(self) -> None:
        """Raises InvalidModel when it does not start."""
        until = time.monotonic() + self._start_s
        while not self._is_live():
            if not self._child.is_alive or time.monotonic() > until:
                told = " | ".join(list(self._child.last_lines)[-5:])
                why = "did not start in time" if self._child.is_alive else "ended"
                raise InvalidModel("model.unusable", f"Triton {why}: {told}"[:1000], hint=_LOOK_AT_LOG)
            time.sleep(_LOOK_EVERY_S)

    def load(self, name: str, network: Path, manifest: ModelManifest) -> None:
        """On a GPU a TensorRT plan may be built meanwhile, which takes minutes. Raises InvalidModel."""
        from tritonclient.utils import InferenceServerException

        write_model(self._repository, name, network, manifest, self._running)
        try:
            self._ask(self._client.load_model(name, client_timeout=self._start_s))
        except InferenceServerException as error:
            raise InvalidModel("model.unusable", f"Triton cannot load it: {error}"[:1000], hint=_LOOK_AT_LOG) from error
        told = self._running
        log("triton_ready", model=name, backend=told.backend, instances=told.instances, max_batch_size=max_batch_size(manifest))

    def infer(self, name: str, inputs: list[Any], outputs: list[Any]) -> Any:
        """Triton's answer. Raises InferenceServerException."""
        return self._ask(self._client.infer(name, inputs, outputs=outputs, client_timeout=self._timeout_s))

    def unload(self, name: str) -> None:
        """A child that has ended holds nothing."""
        from tritonclient.utils import InferenceServerException

        with suppress(InferenceServerException):
            self._ask(self._client.unload_model(name, client_timeout=self._timeout_s))

    def close(self) -> None:
        """Ends the child and forgets its files."""
        self._child.end()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._folder.cleanup()

    async def _connect(self, address: str) -> Any:
        """A channel belongs to the loop that it was made on."""
        from tritonclient.grpc.aio import InferenceServerClient

        return InferenceServerClient(address)

    def _is_live(self) -> bool:
        from tritonclient.utils import InferenceServerException

        try:
            return bool(self._ask(self._client.is_server_live()))
        except InferenceServerException:
            return False

    def _ask(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
