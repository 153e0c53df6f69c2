"""A loaded model, and one request's way through it: bytes in, bytes out. Runs wholly in one thread of the pool."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from droplearn.contracts.errors import UserError
from droplearn.contracts.model import ModelManifest
from droplearn.contracts.prediction import ErrorCode
from droplearn.scenarios import scenario_named
from droplearn.scenarios.answering import ModelInput, Predictor
from server.codec import parse_inputs, success
from server.engine import Engine, OrtEngine
from server.errors import InvalidModel, RequestError
from server.model_folder import network_path, read_manifest, verify_files
from server.settings import Settings


class Prediction:
    """`answer` is called by several threads at once."""

    def __init__(self, manifest: ModelManifest, predictor: Predictor, engine: Engine, max_inputs: int) -> None:
        self.manifest, self._predictor, self._engine, self._max_inputs = manifest, predictor, engine, max_inputs

    def answer(self, body: bytes, content_type: str, options: Mapping[str, str], deadline: float) -> bytes:
        """deadline: on time.monotonic's clock. Raises RequestError, UndecodableInput, UserError."""
        answers, first_meta = [], None
        for raw in parse_inputs(body, content_type, self._max_inputs):
            if time.monotonic() > deadline:
                raise RequestError(ErrorCode.GET_INSTANCE_ERROR, "The instance is too busy: the request waited too long.")
            given = self._predictor.decode(raw)
            answers.append(self._run(given, options))
            first_meta = first_meta or given.meta
        return success(self._predictor.output_type, answers, first_meta or {})

    def _run(self, given: ModelInput, options: Mapping[str, str]) -> list[dict[str, Any]]:
        outputs = self._engine.run(given.tensors)
        try:
            return self._predictor.answer(outputs, given.meta, options)
        except ValueError as error:
            raise RequestError(ErrorCode.MODEL_FORWARD_ERROR, str(error)) from error

    def warm_up(self) -> None:
        """The first run allocates; no caller should wait for it. Raises RequestError when the network cannot run."""
        self._run(self._predictor.example(), {})


def load_prediction(settings: Settings) -> Prediction:
    """Verified, loaded and warm. Raises InvalidModel."""
    manifest = read_manifest(settings.model_dir)
    verify_files(settings.model_dir, manifest)
    try:
        predictor: Predictor = scenario_named(manifest.scenario).load_serving().load(settings.model_dir, manifest)
    except InvalidModel:
        raise
    except UserError as error:
        raise InvalidModel(error.code, error.message, error.hint) from error
    loaded = Prediction(manifest, predictor, OrtEngine(network_path(settings.model_dir, manifest), manifest), settings.max_inputs)
    try:
        loaded.warm_up()
    except RequestError as error:
        raise InvalidModel("model.unusable", f"The warm-up failed: {error.detail}", hint="Train the model again.") from error
    return loaded
