"""Engine `triton`: one model of the child, asked by gRPC. The child itself: host.py."""

from __future__ import annotations

from typing import Any

from droplearn.contracts.model import ModelManifest
from droplearn.contracts.prediction import ErrorCode
from droplearn.contracts.triton import TYPES
from droplearn.scenarios.answering import Tensor
from server.errors import RequestError
from server.triton.host import TritonHost


class TritonEngine:
    """`name`: the model's, in the child."""

    def __init__(self, host: TritonHost, name: str, manifest: ModelManifest) -> None:
        self._host, self._name = host, name
        self._inputs, self._outputs = manifest.inputs, [output.name for output in manifest.outputs]

    @property
    def is_alive(self) -> bool:
        """As long as the child runs."""
        return self._host.is_alive

    def run(self, tensors: dict[str, Tensor]) -> list[Any]:
        """Raises RequestError 2003; 2002 when the child has ended."""
        from tritonclient.grpc import InferInput, InferRequestedOutput
        from tritonclient.utils import InferenceServerException

        inputs = []
        for spec in self._inputs:
            value = tensors[spec.name]
            inputs.append(InferInput(spec.name, list(value.shape), TYPES[spec.dtype]))
            inputs[-1].set_data_from_numpy(value)
        try:
            answer = self._host.infer(self._name, inputs, [InferRequestedOutput(name) for name in self._outputs])
        except InferenceServerException as error:
            if not self.is_alive:
                raise RequestError(ErrorCode.GET_INSTANCE_ERROR, "Triton has ended; the server restarts.") from error
            raise RequestError(ErrorCode.MODEL_FORWARD_ERROR, f"The network failed: {error}"[:500]) from error
        return [answer.as_numpy(name) for name in self._outputs]

    def close(self) -> None:
        """The child forgets the model."""
        self._host.unload(self._name)
