"""Engine triton with the real binary, which has an environment of its own: `make test-triton`. Skipped where it is not installed."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Event

import psutil
import pytest
from PIL import Image

from droplearn.contracts.model import TensorSpec
from server.settings import Settings
from server.triton.host import TritonHost
from tests.contract.serving.running_server import RunningServer
from tests.contract.serving.test_server_process import coloured, never_loads
from tests.contract.twin_fixtures import wait_for
from tests.unit.serving.pictures import encode, scene
from tests.unit.serving.tiny_model import write_model, write_versions

if find_spec("pytriton") is None:
    pytest.skip("tritonserver is not installed: make test-triton", allow_module_level=True)


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def triton(model_dir) -> Iterator[RunningServer]:
    with RunningServer(model_dir, {"SERVER_ENGINE": "triton", "SERVER_WORKERS": "2"}) as running:
        yield running.wait_until_ready(60)


@pytest.fixture(scope="module")
def ort(model_dir) -> Iterator[RunningServer]:
    with RunningServer(model_dir) as running:
        yield running.wait_until_ready()


def child_of(server: RunningServer) -> psutil.Process:
    return next(p for p in psutil.Process(server.process.pid).children() if "tritonserver" in p.name())


def test_both_engines_give_the_same_answers(triton: RunningServer, ort: RunningServer):
    for seed in range(8):
        raw = encode(scene(90, 70, seed), "JPEG")
        one, other = (server.predict_raw(raw, "image/jpeg").json["result"]["output"][0]["body"] for server in (triton, ort))
        assert [answer["label"] for answer in one] == [answer["label"] for answer in other]
        assert [answer["conf"] for answer in one] == pytest.approx([answer["conf"] for answer in other], abs=1e-6)


def test_callers_that_come_together_each_get_their_own_answer(triton: RunningServer):
    wanted = ["red", "green", "blue"] * 10
    with ThreadPoolExecutor(16) as callers:
        answers = list(callers.map(lambda label: triton.predict(coloured(label)), wanted))
    assert [answer.json["result"]["output"][0]["body"][0]["label"] for answer in answers] == wanted


def test_a_network_that_fails_is_2003(triton: RunningServer):
    answer = triton.predict_raw(encode(Image.new("RGB", (40, 40), "white"), "PNG"), "image/png")
    assert (answer.status, answer.json["errorCode"]) == (500, "2003")


def test_the_child_listens_on_loopback_only(triton: RunningServer):
    family = [child_of(triton), *child_of(triton).children(recursive=True)]
    listening = [c.laddr.ip.removeprefix("::ffff:") for p in family for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert listening
    assert set(listening) == {"127.0.0.1"}


def test_a_signal_reaches_the_child_and_both_end_well(model_dir):
    with RunningServer(model_dir, {"SERVER_ENGINE": "triton", "SERVER_WORKERS": "1"}) as server:
        child = child_of(server.wait_until_ready(60))
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        psutil.wait_procs([child], timeout=60)
        assert not child.is_running()


def ends_well_with_its_child(server: RunningServer) -> None:
    children = wait_for(lambda: [p for p in psutil.Process(server.process.pid).children() if p.name() in ("tritonserver", "sleep")])
    assert server.wait_until_it_answers().ask("GET", "/ping").status == 503
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 0
    assert psutil.wait_procs(children, timeout=60)[1] == []


def never_starts(home: Path) -> None:
    (home / "bin").mkdir()
    (home / "backends" / "onnxruntime").mkdir(parents=True)
    (home / "bin" / "tritonserver").write_text("#!/bin/sh\nexec sleep 600\n")
    (home / "bin" / "tritonserver").chmod(0o755)


def test_a_model_that_is_written_meanwhile_does_not_keep_the_host_from_ending(tmp_path):
    never_starts(tmp_path)
    host = TritonHost(Settings(tmp_path, engine="triton", triton_home=tmp_path))
    place, has_ended, has_begun = Path(host._folder.name) / "models" / "model" / "1", Event(), Event()

    def write() -> None:
        while not has_ended.is_set():
            with suppress(OSError):
                place.mkdir(parents=True, exist_ok=True)
                (place / "model.onnx").write_bytes(b"")
                has_begun.set()

    with ThreadPoolExecutor(1) as loader:
        loader.submit(write)
        has_begun.wait(60)
        try:
            host.close()
        finally:
            has_ended.set()
    shutil.rmtree(host._folder.name, ignore_errors=True)


def test_sigterm_while_the_child_starts_ends_both(model_dir, tmp_path):
    never_starts(tmp_path)
    with RunningServer(model_dir, {"SERVER_ENGINE": "triton", "SERVER_TRITON_HOME": str(tmp_path)}) as server:
        ends_well_with_its_child(server)


def test_sigterm_while_another_version_loads_ends_the_child_too(tmp_path):
    folder = write_versions(tmp_path, v1=1.0, v2=0.5)
    never_loads(folder / "of-v2")
    with RunningServer(folder, {"SERVER_ENGINE": "triton", "SERVER_WORKERS": "1"}) as server:
        ends_well_with_its_child(server)


def test_a_child_that_is_killed_ends_the_server_so_that_its_host_starts_it_anew(model_dir):
    with RunningServer(model_dir, {"SERVER_ENGINE": "triton", "SERVER_WORKERS": "1"}) as server:
        child_of(server.wait_until_ready(60)).kill()
        assert server.process.wait(60) == 1


def test_a_server_that_is_killed_leaves_no_child_behind(model_dir):
    with RunningServer(model_dir, {"SERVER_ENGINE": "triton", "SERVER_WORKERS": "1"}) as server:
        child = child_of(server.wait_until_ready(60))
        server.process.kill()
        assert psutil.wait_procs([child], timeout=60)[1] == []


def test_versions_are_models_of_one_child_and_one_that_it_cannot_load_takes_no_other_with_it(tmp_path):
    folder = write_versions(tmp_path, v1=1.0, v2=0.0, v3=0.5)
    write_model(folder / "of-v3", inputs=[TensorSpec(name="other", dtype="uint8", shape=[-1, 32, 32, 3], axes="NHWC")])
    with RunningServer(folder, {"SERVER_ENGINE": "triton", "SERVER_WORKERS": "1"}) as server:
        server.wait_until_ready(60)
        for query, name in (("", "v1"), ("?version=v2", "v2")):
            answer = server.predict(coloured("red"), query=query)
            assert answer.json["result"]["output"][0]["body"][0]["label"] == name
            assert answer.headers["x-amzn-sagemaker-custom-attributes"] == f"version={name}"
        assert server.ask("GET", "/ping").json["versions"] == {"v1": "ready", "v2": "ready", "v3": "model.unusable"}
        assert len([p for p in psutil.Process(server.process.pid).children() if "tritonserver" in p.name()]) == 1
