"""Links to previews: made once, checked by hash and time, good for one model."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.service import preview_links
from droplearn.contracts.errors import NotFound, UnsupportedScenario
from droplearn.contracts.s3_layout import browser_runtime_key
from tests.fakes import FakePlatform
from tests.unit.control_plane.things import a_model, a_platform, write_network


@pytest.fixture
def platform() -> FakePlatform:
    made = a_platform()
    write_network(made, a_model(made))
    return made


def a_link(platform: FakePlatform, valid_for_s: int = 3600) -> preview_links.Made:
    return preview_links.create_link(platform, a_model(platform).id, valid_for_s, "token-x")


def test_a_link_opens_its_model_until_its_time_is_over(platform: FakePlatform):
    made = a_link(platform)
    assert preview_links.open_link(platform, made.signed).id == made.link.model
    platform.pass_time(3601)
    with pytest.raises(NotFound, match=r"preview\.unknown"):
        preview_links.open_link(platform, made.signed)


def test_the_secret_is_not_kept(platform: FakePlatform):
    made = a_link(platform)
    secret = made.signed.partition("_")[2]
    assert len(secret) > 40
    assert secret not in repr(platform.preview_links.known)


@pytest.mark.parametrize(
    "spoil", [lambda s: s[:-1], lambda s: s + "x", lambda s: s.replace("_", ""), lambda s: "é" + s, lambda _: "", lambda s: s * 9]
)
def test_a_link_that_was_changed_opens_nothing(platform: FakePlatform, spoil: Any):
    with pytest.raises(NotFound, match=r"preview\.unknown"):
        preview_links.open_link(platform, spoil(a_link(platform).signed))


def test_a_revoked_link_opens_nothing(platform: FakePlatform):
    made = a_link(platform)
    preview_links.revoke_link(platform, preview_links.find_link(platform, made.link.id))
    with pytest.raises(NotFound):
        preview_links.open_link(platform, made.signed)
    with pytest.raises(NotFound):
        preview_links.find_link(platform, made.link.id)


@pytest.mark.parametrize("scenario", ["ocr", "tabular_prediction", "recommendation"])
def test_a_model_that_is_more_than_one_network_has_no_preview(platform: FakePlatform, scenario: str):
    model = a_model(platform, scenario=scenario)
    with pytest.raises(UnsupportedScenario, match=r"preview\.not_for_this_scenario"):
        preview_links.create_link(platform, model.id, 60, "token-x")


def test_a_model_without_files_says_so(platform: FakePlatform):
    platform.artifacts.objects.clear()
    with pytest.raises(NotFound, match=r"model\.gone"):
        a_link(platform)


def test_the_page_is_told_what_it_needs_and_no_path_of_a_picture(platform: FakePlatform):
    model = replace(a_model(platform), evaluation_metrics={"macro_f1": 0.5, "top1_accuracy": 0.75, "other": 1.0})
    told = preview_links.told(platform, model)
    assert told["labels"] == ["cat", "dog"]
    assert told["kind"] == "picture_labels"
    assert told["input"] == {"name": "image", "side": 224}
    assert told["preprocessing"]["crop_fraction"] == 0.875
    assert list(told["metrics"].items()) == [("top1_accuracy", 0.75), ("macro_f1", 0.5)], "in the order of the scenario"
    assert "held_out" not in json.dumps(told)


def test_a_model_without_evaluation_shows_what_its_training_measured(platform: FakePlatform):
    assert preview_links.told(platform, a_model(platform))["metrics"] == {"valid_top1_accuracy": 0.9}


def test_the_large_files_come_from_the_bucket(platform: FakePlatform):
    model = a_model(platform)
    assert f"tasks/{model.task}/checkpoints/best/model.onnx?" in preview_links.url_of(platform, model, "network.onnx")
    assert f"/{browser_runtime_key('onnxruntime.wasm')}?" in preview_links.url_of(platform, model, "onnxruntime.wasm")


def test_a_models_links_are_listed_until_they_are_revoked_or_expire(platform: FakePlatform):
    model = a_model(platform)
    soon, late = a_link(platform, 60), a_link(platform, 3600)
    first = preview_links.links_of(platform, model, 1, None)
    rest = preview_links.links_of(platform, model, 1, first.cursor)
    assert {link.id for page in (first, rest) for link in page.items} == {soon.link.id, late.link.id}
    platform.pass_time(61)
    assert preview_links.links_of(platform, model, 9, None).items == [late.link]
    preview_links.revoke_link(platform, late.link)
    assert preview_links.links_of(platform, model, 9, None).items == []
    assert preview_links.links_of(platform, replace(model, id="model-y"), 9, None).items == []
