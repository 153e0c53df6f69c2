"""Engine `ort`: ONNX Runtime in this process.

One thread per run and as many runs at once as there are cores; no spinning (it doubles the CPU time where cores are shared).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from droplearn.contracts.model import ModelManifest
from droplearn.contracts.prediction import ErrorCode
from droplearn.scenarios.answering import Tensor
from server.errors import Ended, InvalidModel, RequestError
from server.settings import DEFAULT_CACHE, Settings
from server.tensorrt import Precision, providers

if TYPE_CHECKING:
    from server.triton.host import TritonHost


class Engine(Protocol):
    """Runs the network. `run` is called by several threads at once."""

    @property
    def is_alive(self) -> bool:
        """False: it will never answer again, and the server should end."""
        ...

    def run(self, tensors: dict[str, Tensor]) -> Sequence[Tensor]:
        """Outputs in the manifest's order. Raises RequestError 2003."""
        ...

    def close(self) -> None:
        """Frees what it holds; the others of the server go on."""
        ...


class OrtEngine:
    """On TensorRT or CUDA where the installed ONNX Runtime has it, else on the CPU."""

    is_alive = True

    def __init__(self, network: Path, manifest: ModelManifest, precision: Precision = "off", cache: Path = DEFAULT_CACHE) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        wanted = providers(ort.get_available_providers(), precision, manifest, cache)
        if len(wanted) > 1:
            ort.preload_dlls()  # the CUDA libraries that came as wheels
            cache.mkdir(parents=True, exist_ok=True)
        try:
            self._session = ort.InferenceSession(str(network), options, providers=wanted)
        except Exception as error:
            raise InvalidModel(
                "model.unusable", f"ONNX Runtime cannot load {network.name}: {error}", hint="Train the model again."
            ) from error
        self._outputs = [output.name for output in manifest.outputs]
        _check("inputs", [t.name for t in manifest.inputs], [t.name for t in self._session.get_inputs()])
        _check("outputs", self._outputs, [t.name for t in self._session.get_outputs()])
        self.provider: str = self._session.get_providers()[0]

    def run(self, tensors: dict[str, Tensor]) -> list[Any]:
        """Raises RequestError 2003."""
        try:
            outputs: list[Any] = self._session.run(self._outputs, tensors)
        except Exception as error:
            raise RequestError(ErrorCode.MODEL_FORWARD_ERROR, f"The network failed: {error}"[:500]) from error
        return outputs

    def close(self) -> None:
        """Memory goes with the session."""


class Engines:
    """Makes an engine for each version of a server; with `triton` all of them are models of one child.

    `close` may come from another thread while one is made: a child that has been started is always known, and none is started after it.
    What loads raises Ended then.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock, self._is_closed = settings, Lock(), False
        self._triton: TritonHost | None = None

    def make(self, name: str, network: Path, manifest: ModelManifest) -> Engine:
        """The one that the settings name. Raises InvalidModel."""
        if self._settings.engine == "ort":
            return OrtEngine(network, manifest, self._settings.tensorrt, self._settings.tensorrt_cache)
        from server.triton.engine import TritonEngine

        host = self._host()
        host.wait_until_live()
        host.load(name, network, manifest)
        return TritonEngine(host, name, manifest)

    def close(self) -> None:
        """Ends the child, if there is one."""
        with self._lock:
            self._is_closed = True
            if self._triton is not None:
                self._triton.close()

    @contextmanager
    def step(self) -> Iterator[None]:
        """A step of the load that `close` waits for, so that it can undo it. Raises Ended after `close`."""
        with self._lock:
            if self._is_closed:
                raise Ended
            yield

    def _host(self) -> TritonHost:
        from server.triton.host import TritonHost

        with self.step():
            self._triton = self._triton or TritonHost(self._settings)
            return self._triton


def _check(what: str, described: list[str], found: list[str]) -> None:
    if not set(described) <= set(found) or (what == "inputs" and set(described) != set(found)):
        raise InvalidModel(
            "model.unusable", f"The manifest describes the {what} {described}, the network has {found}.", hint="Train again."
        )
