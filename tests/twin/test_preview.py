"""A link to a preview: made by the API, opened in a browser, answered by the model in that browser."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from droplearn.cli.main import main
from droplearn.contracts.prediction import PredictionSuccess
from tests.e2e.browser import CHROMIUM, browser
from tests.pictures import picture
from tests.twin.conftest import Learnt
from tests.twin.world import World
from twin.packaging.browser_runtime import NoRuntime, browser_runtime

ANSWERS = "[...document.querySelectorAll('#answers li')].map(item => ({...item.dataset}))"


def test_a_phone_runs_the_model_by_itself_and_answers_as_a_service(world: World, learnt: Learnt, tmp_path: Path):
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    try:
        browser_runtime()
    except NoRuntime as error:
        pytest.skip(f"onnxruntime-web cannot be fetched: {error}")
    link = world.call("POST", f"/v1/models/{learnt.model}/preview-links", {"valid_for_s": 600})
    raw = picture("circle", 900)
    (tmp_path / "circle.jpg").write_bytes(raw)
    (tmp_path / "camera.mjpeg").write_bytes(picture("square", 901) * 2)
    with browser(tmp_path / "chromium", camera=tmp_path / "camera.mjpeg") as page:
        page.open(link["url"])
        page.wait("document.body.dataset.state === 'ready'")
        assert "Image classification" in page.value("document.body.innerText")
        assert page.value("document.querySelectorAll('#metrics tr').length") >= 3
        page.value("document.getElementById('live').click()")
        page.wait(f"{ANSWERS}.length === 2")
        assert page.value(ANSWERS)[0]["label"] == "square"
        page.choose("#file", tmp_path / "circle.jpg")
        page.wait("document.getElementById('status').textContent === 'circle.jpg'")
        found = {one["label"]: float(one["confidence"]) for one in page.value(ANSWERS)}
        assert page.complaints == []
    service = world.deploy(learnt.project, learnt.model, max_runtime_s=600)
    answer = PredictionSuccess.model_validate(world.client.predict(service["url"], service["token"], raw, "image/jpeg"))
    world.ask("POST", f"/v1/services/{service['id']}/stop")
    assert found == pytest.approx({one.label: one.conf for one in answer.result.output[0].body}, abs=1e-3)


def test_a_link_is_all_that_is_needed_until_it_is_revoked(world: World, learnt: Learnt):
    link = world.call("POST", f"/v1/models/{learnt.model}/preview-links", {})
    ask = lambda path="": world.http.request("GET", link["url"] + path, redirect=False)  # noqa: E731
    assert ask().status == 200
    assert json.loads(ask("/preview.json").data)["labels"] == ["circle", "square"]
    moved = ask("/network.onnx")
    assert moved.status == 302
    fetched = world.http.request("GET", moved.headers["location"], headers={"origin": world.connection.api_url})
    assert fetched.status == 200
    assert fetched.headers["access-control-allow-origin"] in ("*", world.connection.api_url)
    assert len(fetched.data) > 1_000_000
    assert world.ask("DELETE", f"/v1/preview-links/{link['id']}")[0] == 204
    assert ask().status == 404


def test_a_model_is_exported_and_its_link_shown_from_the_command_line(
    world: World, learnt: Learnt, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    connection = ["--connection", str(world.state / "connection.json")]
    assert main(["export", learnt.model, "--output", str(tmp_path / "model.zip"), *connection]) == 0
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        assert archive.getinfo("model/model.onnx").file_size > 1_000_000
        assert "circle" in archive.read("model/labels.json").decode()
    assert main(["export", learnt.model, "--form", "triton", "--output", str(tmp_path / "model.tar.gz"), *connection]) == 0
    capsys.readouterr()
    assert main(["preview", learnt.model, "--valid-for", "2m", *connection]) == 0
    shown = capsys.readouterr().out
    assert "/v1/preview/preview-" in shown
    assert shown.count("\u2588") > 100, "a QR code"
    assert main(["preview", learnt.model, "--list", "--json", *connection]) == 0
    made = json.loads(capsys.readouterr().out)["preview_links"][0]["id"]
    assert f"/v1/preview/{made}_" in "".join(shown.split())
    assert main(["preview", learnt.model, "--revoke", made, "--json", *connection]) == 0
    assert made not in capsys.readouterr().out
