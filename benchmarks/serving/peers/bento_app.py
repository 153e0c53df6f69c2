"""BentoML with one worker process per core, the same ONNX file, the same decoding. MODEL_DIR and WORKERS come from the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bentoml

from benchmarks.serving.peers.onnx_model import Model


@bentoml.service(workers=int(os.environ.get("WORKERS", "1")), traffic={"timeout": 60}, metrics={"enabled": False})
class Service:
    def __init__(self) -> None:
        self.model = Model(Path(os.environ["MODEL_DIR"]))

    @bentoml.api(route="/invocations")
    def invocations(self, dataArray: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 (the name is the body's key)
        return self.model.run(self.model.decode(dataArray[0]["body"]))
