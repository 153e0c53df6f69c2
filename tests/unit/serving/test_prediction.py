"""The steps of a request."""

from __future__ import annotations

import json

import pytest

from droplearn.scenarios.answering import Answer
from server.errors import RequestError
from server.prediction import Prediction, WholePipeline
from tests.unit.serving.tiny_model import manifest_of


def test_a_model_of_several_networks_looks_at_the_time_before_each_of_its_inputs() -> None:
    class Slow:
        output_type, taken = "classification", 0

        def predict(self, raw: bytes, options: dict[str, str]) -> Answer:
            self.taken += 1
            return Answer([], {})

        def warm_up(self) -> None:
            """Nothing to warm."""

    slow = Slow()
    body = json.dumps({"dataArray": [{"name": "a", "type": "stream", "body": "QUJD"}] * 3}).encode()
    prediction = Prediction(manifest_of(b""), WholePipeline(slow), 3)
    begun, late = (prediction.steps(body, "application/json", {}, deadline) for deadline in (float("inf"), float("-inf")))
    next(begun)
    assert slow.taken == 1
    with pytest.raises(RequestError):
        next(late)
    assert slow.taken == 1
    next(begun)
    assert slow.taken == 2
