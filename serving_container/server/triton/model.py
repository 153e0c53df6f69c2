"""Runs inside tritonserver (backend `python`) where it has no backend `onnxruntime`: an ONNX Runtime session an instance, of one thread.

Tensors cross by DLPack: the wheel's stub knows the memory layout of numpy 1 only.

Triton hands over the requests that it has batched; they are run as one, and one by one when that fails, so that a request which cannot be
answered takes no other with it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as triton


class TritonPythonModel:
    """The name and the methods are Triton's. Source: triton-inference-server/python_backend, README."""

    def initialize(self, args: dict[str, str]) -> None:
        """Once an instance."""
        config = json.loads(args["model_config"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        network = Path(args["model_repository"]) / args["model_version"] / "model.onnx"
        self._session: Any = onnxruntime.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])
        self._inputs = [tensor["name"] for tensor in config["input"]]
        self._outputs = [tensor["name"] for tensor in config["output"]]

    def execute(self, requests: list[Any]) -> list[Any]:
        """A response for each request, in order."""
        given = [{name: np.from_dlpack(triton.get_input_tensor_by_name(request, name)) for name in self._inputs} for request in requests]
        together = self._together(given) if len(given) > 1 else None
        return together if together is not None else [self._alone(one) for one in given]

    def _together(self, given: list[dict[str, Any]]) -> list[Any] | None:
        """None when one of them cannot be run; which one, only a run of each can tell."""
        try:
            outputs = self._run({name: np.concatenate([one[name] for one in given]) for name in self._inputs})
        except Exception:  # noqa: BLE001 (the cause is told when each is run alone)
            return None
        return self._split(outputs, given)

    def _run(self, tensors: dict[str, Any]) -> list[Any]:
        outputs: list[Any] = self._session.run(self._outputs, tensors)
        return outputs

    def _alone(self, tensors: dict[str, Any]) -> Any:
        try:
            return self._response(self._run(tensors))
        except Exception as error:  # noqa: BLE001 (the edge: whatever it is, it is this request's alone)
            return triton.InferenceResponse(error=triton.TritonError(f"The network failed: {error}"[:500]))

    def _split(self, outputs: list[Any], given: list[dict[str, Any]]) -> list[Any]:
        responses, start = [], 0
        for one in given:
            end = start + len(one[self._inputs[0]])
            responses.append(self._response([output[start:end] for output in outputs]))
            start = end
        return responses

    def _response(self, outputs: list[Any]) -> Any:
        named = zip(self._outputs, outputs, strict=True)
        return triton.InferenceResponse([triton.Tensor.from_dlpack(name, np.ascontiguousarray(value)) for name, value in named])
