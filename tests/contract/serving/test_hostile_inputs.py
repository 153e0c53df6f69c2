"""A few thousand made inputs against the server's app in this process: no crash, no unforeseen error (2001), memory flat."""

from __future__ import annotations

import asyncio
import base64
import ctypes
import gc
import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import psutil
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from droplearn.contracts.model import ModelFile, TensorSpec
from droplearn.scenarios.sound_classification.sample import LABELS, sound
from droplearn.scenarios.sound_classification.windows import WindowShape
from server.admission import Phase
from server.app import Serving, make_app
from server.settings import Settings
from server.versions import load_versions
from tests.unit.serving.pictures import encode, scene
from tests.unit.serving.tiny_model import manifest_of, write_model

FORESEEN = {(200, None), (400, "1001"), (400, "1002"), (413, "1001"), (500, "2003")}
MANY = settings(max_examples=700, deadline=None, suppress_health_check=list(HealthCheck))
SEEDS = [encode(scene(40, 30, 1), kind) for kind in ("JPEG", "PNG", "BMP", "WEBP")] + [encode(scene(20, 30, 2).convert("P"), "PNG")]
SOUNDS = [sound("beep", 1, seconds=0.3, kind=kind) for kind in ("WAV", "FLAC")]
GROWTH_MB = 25


class App:
    """The ASGI app with a loaded model; requests go straight in."""

    def __init__(self, model_dir: Path) -> None:
        self.serving = Serving(Settings(model_dir, workers=1, max_json_bytes=200_000, max_raw_bytes=200_000))
        self.serving.versions = load_versions(self.serving.settings)
        self.serving.admission.phase = Phase.READY
        self._app, self._runner = make_app(self.serving), asyncio.Runner()

    def ask(self, body: bytes, content_type: str = "application/json") -> tuple[int, str | None]:
        """Status and error code."""
        sent: list[Any] = []
        scope = {
            "type": "http", "http_version": "1.1", "method": "POST", "path": "/invocations", "raw_path": b"/invocations",
            "query_string": b"", "headers": [(b"content-type", content_type.encode())],
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        self._runner.run(self._app(scope, receive, send))
        return sent[0]["status"], json.loads(sent[1]["body"]).get("errorCode")

    def close(self) -> None:
        self._runner.close()
        self.serving.workers.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(write_model(tmp_path_factory.mktemp("pictures")))
    yield app
    app.close()


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(write_sound_model(tmp_path_factory.mktemp("sounds")))
    yield app
    app.close()


def write_sound_model(folder: Path) -> Path:
    """Loudness times three fixed numbers: enough to answer."""
    samples = WindowShape(224).samples
    weights = numpy_helper.from_array(np.array([[1.0, 2.0, 3.0]], np.float32), "w")
    nodes = [
        helper.make_node("ReduceMean", ["windows"], ["loud"], axes=[0, 1], keepdims=1),
        helper.make_node("MatMul", ["loud", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    inputs = [helper.make_tensor_value_info("windows", TensorProto.FLOAT, ["W", samples])]
    graph = helper.make_graph(nodes, "s", inputs, [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 3])], [weights])
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    onnx.checker.check_model(content)
    (folder / "model.onnx").write_bytes(content)
    manifest = manifest_of(content, list(LABELS)).model_copy(
        update={
            "scenario": "sound_classification",
            "inputs": [TensorSpec(name="windows", dtype="float32", shape=[-1, samples], axes="WT")],
            "outputs": [TensorSpec(name="probabilities", dtype="float32", shape=[1, 3], axes="NC")],
            "files": [ModelFile(name="model.onnx", role="network", size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())],
            "preprocessing": {},
        }
    )
    (folder / "model.json").write_text(manifest.to_json())
    return folder


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A file with bytes changed, cut out, doubled or put in, most often near its beginning, where the formats keep their numbers."""
    raw = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, min(len(raw) - 1, draw(st.sampled_from([40, 200, 10**6])))))
        match draw(st.sampled_from(["change", "cut", "insert", "double", "end"])):
            case "change":
                raw[place] = draw(st.integers(0, 255))
            case "cut":
                del raw[place : place + draw(st.integers(1, 64))]
            case "insert":
                raw[place:place] = draw(st.binary(max_size=32))
            case "double":
                raw[place:place] = raw[: draw(st.integers(0, 500))]
            case "end":
                del raw[place + 1 :]
        raw = raw or bytearray(b"\0")
    return bytes(raw)


@MANY
@given(damaged(SEEDS))
def test_damaged_pictures_are_answered_or_refused(pictures: App, raw: bytes):
    assert pictures.ask(raw, "image/jpeg") in FORESEEN


@MANY
@given(damaged(SOUNDS))
def test_damaged_sounds_are_answered_or_refused(sounds: App, raw: bytes):
    assert sounds.ask(raw, "audio/wav") in FORESEEN


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(base64.b64encode(SEEDS[1]).decode()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["dataArray", "name", "type", "body", "rows", "x"]), inner),
    max_leaves=12,
)
ENTRY = st.fixed_dictionaries({}, optional=dict.fromkeys(("name", "type", "body"), ANYTHING))


@MANY
@given(st.one_of(ANYTHING, st.fixed_dictionaries({"dataArray": st.one_of(ANYTHING, st.lists(ENTRY, max_size=5))})))
@example({"dataArray": [{"body": "\ud800"}]})
def test_any_json_is_answered_or_refused(pictures: App, value: object):
    assert pictures.ask(json.dumps(value).encode("utf-8", "surrogatepass")) in FORESEEN


@MANY
@given(st.binary(max_size=300) | st.integers(1, 100_000).map(lambda depth: b'{"dataArray":' + b"[" * depth))
def test_any_bytes_are_answered_or_refused(pictures: App, body: bytes):
    assert pictures.ask(body) in FORESEEN


def mutated(seeds: list[bytes], rng: random.Random) -> bytes:
    raw = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 8)):
        raw[rng.randrange(min(len(raw), rng.choice([60, 10**6])))] = rng.randrange(256)
    return bytes(raw[: rng.randint(1, len(raw))] if rng.random() < 0.2 else raw)


def used_bytes(process: psutil.Process) -> int:
    """Without what the allocator keeps for the next time: how much that is depends on all that this process did before."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return int(process.memory_info().rss)


@pytest.mark.parametrize(("name", "seeds", "content_type"), [("pictures", SEEDS, "image/png"), ("sounds", SOUNDS, "audio/flac")])
def test_memory_stays_flat_over_a_thousand_damaged_inputs(request, name: str, seeds: list[bytes], content_type: str, capsys):
    app, rng, process = request.getfixturevalue(name), random.Random(7), psutil.Process()
    for _ in range(300):
        app.ask(mutated(seeds, rng), content_type)
    before = used_bytes(process)
    seen = Counter(app.ask(mutated(seeds, rng), content_type) for _ in range(1000))
    grown_mb = (used_bytes(process) - before) / 1e6
    assert set(seen) <= FORESEEN
    assert len(seen) > 1, "some are still readable, some are not"
    assert grown_mb < GROWTH_MB


def test_a_picture_of_each_kind_is_answered_at_all(pictures: App, sounds: App):
    assert {pictures.ask(raw, "image/any") for raw in SEEDS} == {(200, None)}
    assert {sounds.ask(raw, "audio/any") for raw in SOUNDS} == {(200, None)}
