"""A loaded model, and one request's way through it: bytes in, bytes out, in steps of one thread."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from droplearn.contracts.errors import UserError
from droplearn.contracts.model import ModelManifest
from droplearn.contracts.prediction import ErrorCode
from droplearn.scenarios import scenario_named
from droplearn.scenarios.answering import Answer, PipelinePredictor, Predictor, UndecodableInput
from server.codec import IMAGES, Media, parse_inputs, success
from server.engine import Engine, Engines
from server.errors import InvalidModel, RequestError
from server.model_folder import network_path, read_manifest, verify_files
from server.settings import Settings
from server.workers import Steps


class Pipeline(Protocol):
    """From one input to its answer. Called by several threads at once."""

    output_type: str

    def steps(self, raw: bytes, options: Mapping[str, str]) -> Steps[Answer]:
        """Raises RequestError, UndecodableInput, UserError, ValueError."""
        ...

    def warm_up(self) -> None:
        """Raises RequestError, ValueError."""
        ...


class NetworkPipeline:
    """A model that is one network: the scenario's predictor before and after it, the engine between."""

    def __init__(self, predictor: Predictor, engine: Engine) -> None:
        self.output_type = predictor.output_type
        self._predictor, self._engine = predictor, engine

    def steps(self, raw: bytes, options: Mapping[str, str]) -> Steps[Answer]:
        """Decode, run, answer."""
        given = self._predictor.decode(raw)
        yield
        outputs = self._engine.run(given.tensors)
        yield
        return Answer(self._predictor.answer(outputs, given.meta, options), given.meta)

    def warm_up(self) -> None:
        """Raises RequestError, ValueError."""
        given = self._predictor.example()
        self._predictor.answer(self._engine.run(given.tensors), given.meta, {})


class WholePipeline:
    """A model of several networks: its predictor knows the steps between them, and takes them at once."""

    def __init__(self, predictor: PipelinePredictor) -> None:
        self.output_type, self.warm_up, self._predictor = predictor.output_type, predictor.warm_up, predictor

    def steps(self, raw: bytes, options: Mapping[str, str]) -> Steps[Answer]:
        """One, and then the next input's turn."""
        answer = self._predictor.predict(raw, options)
        yield
        return answer


class Prediction:
    """`steps` and `answer` are called by several threads at once."""

    def __init__(
        self, manifest: ModelManifest, pipeline: Pipeline, max_inputs: int, media: Media = IMAGES, engine: Engine | None = None
    ) -> None:
        """engine: what the pipeline runs on, where it was made for it."""
        self.manifest, self._pipeline, self._max_inputs, self.media, self._engine = manifest, pipeline, max_inputs, media, engine

    @property
    def is_alive(self) -> bool:
        """False when its engine will never answer again."""
        return self._engine is None or self._engine.is_alive

    def close(self) -> None:
        """Frees what its engine holds."""
        if self._engine is not None:
            self._engine.close()

    def answer(self, body: bytes, content_type: str, options: Mapping[str, str], deadline: float) -> bytes:
        """All steps at once. deadline: on time.monotonic's clock. Raises RequestError, UndecodableInput, UserError."""
        steps = self.steps(body, content_type, options, deadline)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return bytes(end.value)

    def steps(self, body: bytes, content_type: str, options: Mapping[str, str], deadline: float) -> Steps[bytes]:
        """As `answer`; pauses within each input, for others that wait."""
        answers, first_meta = [], None
        for raw in parse_inputs(body, content_type, self._max_inputs, self.media):
            if time.monotonic() > deadline:
                raise RequestError(ErrorCode.GET_INSTANCE_ERROR, "The instance is too busy: the request waited too long.")
            told = yield from self._steps_of(raw, options)
            answers.append(told.body)
            first_meta = first_meta or told.meta
        return success(self._pipeline.output_type, answers, first_meta or {})

    def _steps_of(self, raw: bytes, options: Mapping[str, str]) -> Steps[Answer]:
        try:
            return (yield from self._pipeline.steps(raw, options))
        except UndecodableInput:
            raise
        except ValueError as error:
            raise RequestError(ErrorCode.MODEL_FORWARD_ERROR, str(error)[:500]) from error

    def warm_up(self) -> None:
        """The first run allocates; no caller should wait for it. Raises RequestError when the model cannot run."""
        try:
            self._pipeline.warm_up()
        except ValueError as error:
            raise RequestError(ErrorCode.MODEL_FORWARD_ERROR, str(error)[:500]) from error


def load_prediction(settings: Settings, engines: Engines | None = None, name: str = "") -> Prediction:
    """Verified, loaded and warm. `engines`: shared with other versions, each of which has a name. Raises InvalidModel."""
    manifest = read_manifest(settings.model_dir)
    verify_files(settings.model_dir, manifest)
    try:
        scenario = scenario_named(manifest.scenario)
        predictor: Predictor | PipelinePredictor = scenario.load_serving().load(settings.model_dir, manifest)
    except InvalidModel:
        raise
    except UserError as error:
        raise InvalidModel(error.code, error.message, error.hint) from error
    engine: Engine | None = None
    pipeline: Pipeline
    if isinstance(predictor, PipelinePredictor):
        pipeline = WholePipeline(predictor)
    else:
        engine = (engines or Engines(settings)).make(name or "model", network_path(settings.model_dir, manifest), manifest)
        pipeline = NetworkPipeline(predictor, engine)
    media = Media(tuple(scenario.spec.media_types), takes_rows=scenario.spec.labels_from == "rows")
    loaded = Prediction(manifest, pipeline, settings.max_inputs, media, engine)
    try:
        loaded.warm_up()
    except RequestError as error:
        loaded.close()
        raise InvalidModel("model.unusable", f"The warm-up failed: {error.detail}", hint="Train the model again.") from error
    return loaded
